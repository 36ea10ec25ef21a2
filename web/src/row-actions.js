import { filled } from './messages.js';
import { ResultBar } from './result-bar.js';
import { clock } from './time.js';

/** @import { Client } from './client.js' */
/** @import { Mark, Notification } from './inbox.js' */
/** @import { TypeNames } from './inbox-api.js' */
/** @import { Words } from './messages.js' */

/**
 * Interface from the actions to their view.
 *
 * @typedef {object} RowActionsHost
 * @property {() => Client | null} client
 * @property {(text: string) => void} announce  Announces a text to screen readers.
 * @property {() => void} focus  Called after an undo.
 */

/** Actions on notifications, with their result and an undo. */
export class RowActions {
  bar = new ResultBar();
  /** @type {Words} */
  words = {};
  language = 'en';
  /** @type {TypeNames} */
  types = new Map();
  #host;

  /** @param {RowActionsHost} of */
  constructor(of) {
    this.#host = of;
  }

  /**
   * @param {Notification} item
   * @param {Mark} mark
   */
  mark(item, mark) {
    const client = this.#host.client();
    const id = item.notification_id;
    if (mark === 'read') client?.markRead(id);
    else if (mark === 'unread') client?.markUnread(id);
    else if (mark === 'unarchive') client?.unarchive(id);
    else if (mark === 'unsnooze') client?.unsnooze(id);
    else if (mark === 'archive') {
      client?.archive(id);
      this.show(this.words.archived, () => client?.unarchive(id));
    } else {
      client?.remove(id);
      this.show(this.words.removed);
    }
  }

  /**
   * @param {Notification} item
   * @param {Date} until
   */
  snooze(item, until) {
    const client = this.#host.client();
    const id = item.notification_id;
    client?.snooze(id, until);
    const time = clock(until, this.language, 'medium');
    this.show(filled(this.words.snoozed, { time }), () => {
      if (item.status === 'snoozed' && item.snoozed_until) {
        client?.snooze(id, new Date(item.snoozed_until));
        return;
      }
      client?.unsnooze(id);
      // A notification that wakes up is unread.
      if (item.status === 'read') client?.markRead(id);
    });
  }

  /** Marks all notifications as read. */
  async readAll() {
    const client = this.#host.client();
    if (!client) return;
    const ids = await client.unreadIds().catch(() => []);
    client.markAllRead();
    this.show(
      this.words.allRead,
      ids.length === 0
        ? undefined
        : () => {
            client.restoreUnread(ids).catch(() => this.show(this.words.failed));
          },
    );
  }

  /**
   * Returns the name of a notification's type; null if it cannot be muted.
   * @param {Notification} item
   */
  muteName(item) {
    const type = this.types.get(item.type_code);
    return type && !type.mandatory ? type.name : null;
  }

  /** @param {Notification} item */
  async mute(item) {
    const client = this.#host.client();
    const type = this.muteName(item);
    if (!client || !type) return;
    try {
      /** @type {string[]} */
      let before = [];
      const { muted_types: after } = await client.savePreferences(({ muted_types: known }) => {
        before = known;
        return { muted_types: [...known, item.type_code] };
      });
      // The hub may write the code in another way.
      const added = after.filter((code) => !before.includes(code));
      const undo = () =>
        void client
          .savePreferences(({ muted_types: known }) => ({
            muted_types: known.filter((code) => !added.includes(code)),
          }))
          .catch(() => this.show(this.words.failed));
      this.show(filled(this.words.muted, { type }), undo);
    } catch {
      this.show(this.words.failed);
    }
  }

  /**
   * Shows the result of an action, and offers to undo it.
   * @param {string} text
   * @param {() => void} [undo]
   */
  show(text, undo) {
    this.#host.announce(text);
    const undoAndFocus = () => {
      undo?.();
      this.#host.focus();
    };
    this.bar.show(text, this.words.undo, undo && undoAndFocus);
  }
}
