/** @import { Client } from './client.js' */
/** @import { Filter } from './matching.js' */

/** @param {Filter} filter */
const keyOf = ({ tab, category, q }) => JSON.stringify([tab, category, q]);

/** Pages of the list, of each filter. */
export class Pager {
  /**
   * Cursor of the next page of each filter; missing before the first page, null at the end.
   * @type {Map<string, string | null>}
   */
  #cursors = new Map();
  /** Filters whose first page is loaded. @type {Set<string>} */
  #loaded = new Set();
  /** Filters whose next page is being loaded. @type {Set<string>} */
  #busy = new Set();
  /** True if the last page could not be loaded. */
  failed = false;

  /** Clears the pages for another inbox. */
  forget() {
    this.#cursors.clear();
    this.#loaded.clear();
    this.#busy = new Set();
    this.failed = false;
  }

  /** @param {Filter} filter */
  hasStarted(filter) {
    return this.#cursors.has(keyOf(filter));
  }

  /** @param {Filter} filter */
  isLoaded(filter) {
    return this.#loaded.has(keyOf(filter));
  }

  /** @param {Filter} filter */
  hasMore(filter) {
    return Boolean(this.#cursors.get(keyOf(filter)));
  }

  /**
   * Loads the next page. Returns false if it is being loaded already.
   * @param {Client} client
   * @param {Filter} filter
   * @param {() => boolean} isSelected  Returns true while the filter is selected.
   */
  async load(client, filter, isSelected) {
    const key = keyOf(filter);
    const busy = this.#busy;
    if (busy.has(key)) return false;
    busy.add(key);
    this.failed = false;
    let cursor = this.#cursors.get(key) ?? null;
    const first = cursor === null;
    const count = () => client.matching(filter).length;
    const before = count();
    this.#cursors.set(key, cursor);
    try {
      // Skips pages that are already loaded through the connection.
      do {
        cursor = await client.loadOlder(cursor, filter);
        if (busy !== this.#busy) return false;
        this.#cursors.set(key, cursor);
      } while (cursor && !first && isSelected() && count() === before);
      this.#loaded.add(key);
    } catch {
      if (busy !== this.#busy) return false;
      // Notifications from the connection are shown all the same.
      if (first) this.#cursors.delete(key);
      this.failed = true;
    }
    busy.delete(key);
    return true;
  }
}
