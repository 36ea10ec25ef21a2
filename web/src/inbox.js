/** @import { Effect, Snapshot } from './inbox-types.js' */

import { matches } from './matching.js';

/** @import { Filter } from './matching.js' */

/** @typedef {import('./inbox-types.js').Action} Action */
/** @typedef {import('./inbox-types.js').Mark} Mark */
/** @typedef {import('./inbox-types.js').Notification} Notification */

/** @param {Notification} item */
const sequence = (item) => Number(item.stream_id.split('-')[1]);

/**
 * State of an inbox: messages of the hub, applied in the order of revisions. Pure: no network, no
 * DOM.
 */
export class Inbox {
  /** @type {Map<string, Notification>} */
  #items = new Map();
  /**
   * Revisions at which notifications became the newest again, by ID.
   * @type {Map<string, number>}
   */
  #raised = new Map();
  /**
   * IDs of notifications that only a filter has loaded: there may be others between them and the
   * list. @type {Set<string>}
   */
  #loose = new Set();
  /** @type {Notification[] | null} */
  #sorted = null;
  unread = 0;
  unseen = 0;
  epoch = '';
  /** Last revision up to which everything is loaded; -1 before the first connection. */
  revision = -1;
  /** Revision since which every change is known. */
  #since = -1;
  /** Number of times that it has started over: what was loaded before is gone. */
  generation = 0;
  /** Lowest revision of the pages that came before the first connection; none is Infinity. */
  #page = Infinity;
  /** Highest revision received, complete or not. */
  #ahead = -1;

  /** All notifications, newest first. */
  get all() {
    const place = (/** @type {Notification} */ item) =>
      Math.max(sequence(item), this.#raised.get(item.notification_id) ?? 0);
    this.#sorted ??= [...this.#items.values()].sort((a, b) => place(b) - place(a));
    return this.#sorted;
  }

  /** Notifications of the list, newest first. */
  get items() {
    return this.matching({ tab: 'all' });
  }

  /**
   * Returns the notifications that a filter selects, newest first. The list itself has no gaps.
   * @param {Filter} filter
   */
  matching(filter) {
    const whole = filter.tab === 'all' && !filter.category && !filter.q;
    const loose = (/** @type {Notification} */ item) => this.#loose.has(item.notification_id);
    return this.all.filter((item) => matches(item, filter) && !(whole && loose(item)));
  }

  /** Archived notifications, newest first. */
  get archived() {
    return this.all.filter((item) => item.status === 'archived');
  }

  /** Position to resume from, as EPOCH.REVISION. */
  get position() {
    return this.revision < 0 ? null : `${this.epoch}.${this.revision}`;
  }

  /**
   * Complete state, for another tab.
   * @returns {Snapshot}
   */
  get snapshot() {
    const { epoch, revision, unread, unseen } = this;
    const items = this.all.filter((item) => !this.#loose.has(item.notification_id));
    const raised = [...this.#raised];
    return { epoch, revision, since: this.#since, unread, unseen, items, raised };
  }

  /**
   * Adopts the state of another tab, unless this one is newer. Starts over if that tab does not know
   * all changes since this one's state.
   * @param {Snapshot} snapshot
   */
  adopt(snapshot) {
    const isOther = snapshot.epoch !== this.epoch;
    if (!isOther && snapshot.revision < this.revision) return;
    const { since = snapshot.revision } = snapshot;
    const known = this.revision < 0 ? this.#page : this.revision;
    const misses = isOther || known < (snapshot.since ?? -1);
    if (misses) this.#clear();
    if (misses || this.revision < 0) this.#since = since;
    for (const [id, revision] of snapshot.raised ?? []) this.#raised.set(id, revision);
    for (const item of snapshot.items) this.put(item, false);
    this.#setState(snapshot);
  }

  /**
   * Applies a message from the hub.
   * @param {any} message
   * @returns {Effect}
   */
  apply(message) {
    const data = message.data ?? {};
    switch (message.type) {
      case 'connected':
        return this.#connected(data);
      case 'reset':
        this.#begin(data);
        return {};
      case 'sync.response':
        for (const item of message.data) this.put(item);
        this.revision = Math.max(this.revision, message.revision);
        this.#setCounts(message);
        // Changes received while the answer was in flight may be beyond it.
        return message.complete && this.revision >= this.#ahead ? {} : { gap: true };
      case 'polled':
        if (data.reset || (this.epoch && data.epoch !== this.epoch)) this.#begin(data);
        for (const item of data.items) this.put(item);
        this.#setState(data);
        return {};
      case 'notification.push':
        return this.#pushed(data);
      case 'notification.update':
        if (data.read_all) return this.#applyRange('read', data.read_all, data);
        if (data.seen_all) return this.#applyRange('seen', data.seen_all, data);
        this.put(data);
        return this.#advance(data);
      case 'notification.read_all.ack':
        return this.#applyRange('read', { ...data, from_revision: data.previous_revision }, data);
      case 'notification.seen_all.ack':
        return this.#applyRange('seen', { ...data, from_revision: data.previous_revision }, data);
      case 'notifications.behind':
        // The changes follow, in order.
        this.#setCounts(data);
        return {};
      case 'notifications.summary':
        if (data.revision <= this.revision) return {};
        this.#setCounts(data);
        return { gap: true };
      default:
        return message.type?.endsWith('.ack') ? this.#acknowledged(data) : {};
    }
  }

  /**
   * Stores a notification, unless a newer state of it is known.
   * @param {Notification} item
   * @param {boolean} [loose]  True if only a filter has loaded it, false if the list has; by default
   *   as it was.
   */
  put(item, loose) {
    const known = this.#items.get(item.notification_id);
    if (loose === false) this.#loose.delete(item.notification_id);
    else if (loose && !known) this.#loose.add(item.notification_id);
    if (known && known.revision > item.revision) return;
    this.#items.set(item.notification_id, item);
    this.#sorted = null;
  }

  /**
   * Stores a page of the list. A mark that the page does not know of yet is kept.
   * @param {Notification[]} items
   * @param {boolean} loose  True if only a filter has loaded them.
   * @param {{epoch: string, revision: number}} [state]  State of the inbox that the page shows.
   */
  putPage(items, loose, state) {
    if (state && this.revision < 0 && (!this.epoch || this.epoch === state.epoch)) {
      this.epoch = state.epoch;
      this.#page = Math.min(this.#page, state.revision);
    }
    for (const item of items) {
      const known = this.#items.get(item.notification_id);
      this.put(known?.revision === item.revision ? known : item, loose);
    }
  }

  /**
   * Records the action of a click before the hub has confirmed it.
   * @param {string} id
   * @param {number} action  Its index.
   */
  setAction(id, action) {
    const item = this.#items.get(id);
    if (item) this.#replace(item, { ...item, clicked_action: action });
  }

  /**
   * Applies a mark before the hub has confirmed it. Returns whether it changes anything.
   * @param {string} id
   * @param {Mark} mark
   * @param {string} [until]  End of a snooze.
   */
  applyMark(id, mark, until) {
    const item = this.#items.get(id);
    if (!item) return false;
    const back = item.read ? 'read' : 'unread';
    const status = /** @type {Notification['status']} */ (
      {
        read: 'read',
        unread: 'unread',
        archive: 'archived',
        unarchive: back,
        delete: 'deleted',
        snooze: 'snoozed',
        unsnooze: 'unread',
      }[mark]
    );
    // A snooze may get another end.
    const isSame = item.status === status && (mark !== 'snooze' || item.snoozed_until === until);
    if (isSame || (mark === 'read' && item.status !== 'unread')) return false;
    if (mark === 'unsnooze' && item.status !== 'snoozed') return false;
    const read = mark === 'read' || (item.read && !['unread', 'snooze'].includes(mark));
    this.#replace(item, { ...item, status, read, snoozed_until: until ?? null });
    return true;
  }

  /**
   * Applies a bulk mark before the hub has confirmed it.
   * @param {'read' | 'seen'} how
   */
  applyBulkMark(how) {
    if (how === 'read') for (const item of this.items) this.applyMark(item.notification_id, 'read');
    if (how === 'read') this.unread = 0;
    this.unseen = 0;
  }

  /**
   * @param {Notification} before
   * @param {Notification} after
   */
  #replace(before, after) {
    const unread = Number(after.status === 'unread') - Number(before.status === 'unread');
    this.unread = Math.max(0, this.unread + unread);
    if (!before.seen_at) this.unseen = Math.max(0, this.unseen + unread);
    this.#items.set(after.notification_id, after);
    this.#sorted = null;
  }

  /** Forgets everything, for another user. */
  forget() {
    this.#clear();
    this.epoch = '';
    this.#ahead = this.#since = this.revision = -1;
    this.unread = this.unseen = 0;
  }

  /**
   * Starts over with the state that the hub names.
   * @param {{epoch: string, revision: number, unread: number, unseen?: number}} data
   */
  #begin(data) {
    this.#clear();
    this.#setState(data);
    this.#since = data.revision;
  }

  #clear() {
    // Before the first connection there is nothing yet, unless a page of the list has come.
    if (this.epoch) this.generation += 1;
    this.#page = Infinity;
    this.#items.clear();
    this.#loose.clear();
    this.#raised.clear();
    this.#sorted = null;
  }

  /**
   * @param {any} data
   * @returns {Effect}
   */
  #connected(data) {
    if (this.revision >= 0 && data.epoch === this.epoch && data.revision >= this.revision) {
      this.#setCounts(data);
      return {};
    }
    // A page may have come before the first connection: what changed since is requested.
    const page = this.#page;
    if (this.revision < 0 && data.epoch === this.epoch && page <= data.revision) {
      this.#setState(data);
      this.#since = this.revision = page;
      return page < data.revision ? { gap: true } : {};
    }
    this.#begin(data);
    return {};
  }

  /** @param {{epoch: string, revision: number, unread: number, unseen?: number}} data */
  #setState(data) {
    this.epoch = data.epoch;
    this.#ahead = this.revision = data.revision;
    this.#setCounts(data);
  }

  /** @param {{unread: number, unseen?: number}} data */
  #setCounts({ unread, unseen }) {
    this.unread = unread;
    this.unseen = unseen ?? unread;
  }

  /**
   * @param {any} data
   * @returns {Effect}
   */
  #pushed(data) {
    const known = this.#items.get(data.notification_id);
    const again =
      known &&
      known.revision < data.revision &&
      (known.status === 'snoozed' || known.count < data.count);
    const ahead = data.revision > this.revision;
    // Notifications that wake up or grow are unseen, and are pushed with a later revision.
    if (ahead && data.status === 'unread' && !data.seen_at)
      this.#raised.set(data.notification_id, data.revision);
    this.put(data, false);
    const effect = this.#advance(data);
    return ahead && (!known || again) ? { ...effect, fresh: data } : effect;
  }

  /**
   * @param {any} data
   * @returns {Effect}
   */
  #acknowledged(data) {
    const item = this.#items.get(data.notification_id);
    if (item && data.status) {
      const read = data.status === 'read' || (item.read && data.status === 'archived');
      this.put({ ...item, status: data.status, read, revision: data.revision });
    }
    return this.#advance(data);
  }

  /**
   * @param {'read' | 'seen'} how
   * @param {{from_revision: number, up_to_revision: number}} range
   * @param {any} data
   * @returns {Effect}
   */
  #applyRange(how, range, data) {
    if (this.revision < range.from_revision) return { gap: true };
    // Nothing was marked, or the marks and what followed them are known.
    if (data.revision <= this.revision) return {};
    for (const item of this.#items.values()) {
      if (item.status !== 'unread' || sequence(item) > range.up_to_revision) continue;
      const seen_at = item.seen_at ?? new Date().toISOString();
      const after =
        how === 'read'
          ? { ...item, seen_at, status: /** @type {const} */ ('read'), read: true }
          : { ...item, seen_at };
      this.#items.set(item.notification_id, after);
    }
    this.#sorted = null;
    this.#setCounts(data);
    this.revision = Math.max(this.revision, data.revision);
    return {};
  }

  /**
   * @param {any} data
   * @returns {Effect}
   */
  #advance(data) {
    if (data.revision <= this.revision) return {};
    this.#ahead = Math.max(this.#ahead, data.revision);
    if (data.previous_revision > this.revision) return { gap: true };
    this.revision = data.revision;
    this.#setCounts(data);
    return {};
  }
}
