import { DevicePush } from './device-push.js';
import { InboxApi } from './inbox-api.js';
import { InboxSync } from './sync.js';
import { SignIn } from './sign-in.js';

/** @import { Options } from './options.js' */
/** @import { Filter } from './matching.js' */
/** @import { Mark, Notification } from './inbox.js' */
/** @import { Preferences, Tab, TypeNames } from './inbox-api.js' */
/** @import { Status } from './link.js' */

/**
 * Live inbox. Connects to the hub, or listens to the tab that does, and resumes at its last
 * revision. Fires `change` (the list, a count or the status), `notification` (one that is new, back
 * from a snooze, or grown by another event of its group, as `detail`) and `summary` (several at
 * once, as `detail.count`).
 */
export class Client extends EventTarget {
  #api;
  #signIn;
  #sync;
  /** Web Push of this browser. */
  devicePush;

  /** @param {Options} options */
  constructor(options) {
    super();
    const own = { ...options };
    this.#api = new InboxApi(own);
    this.devicePush = new DevicePush(own);
    this.#signIn = new SignIn(
      own,
      () => this.#sync.renew(),
      () => this.#sync.startOver(),
    );
    this.#sync = new InboxSync(own, this.#api, this.#signIn, this);
  }

  /**
   * Notifications of the list, newest first.
   * @returns {Notification[]}
   */
  get items() {
    return this.#sync.inbox.items;
  }

  /**
   * Archived notifications that are loaded, newest first.
   * @returns {Notification[]}
   */
  get archived() {
    return this.#sync.inbox.archived;
  }

  /**
   * Returns the loaded notifications that a filter selects, newest first.
   * @param {Filter} filter
   * @returns {Notification[]}
   */
  matching(filter) {
    return this.#sync.inbox.matching(filter);
  }

  /** Number of unread notifications. */
  get unread() {
    return this.#sync.inbox.unread;
  }

  /** Number of unread notifications that were never displayed. */
  get unseen() {
    return this.#sync.inbox.unseen;
  }

  /**
   * Status of the connection.
   * @returns {Status}
   */
  get status() {
    return this.#sync.status;
  }

  /** Reason of the status, for logs. */
  get reason() {
    return this.#sync.reason;
  }

  /** Sign-in of the user. */
  get signIn() {
    return this.#signIn;
  }

  /** True if the list may be shown: the user is signed in. */
  get mayShow() {
    return this.#sync.mayShow;
  }

  /** Last revision up to which everything is loaded. */
  get revision() {
    return this.#sync.inbox.revision;
  }

  /**
   * Number of times that the list has started over, because the hub was restored or the user is
   * another one. Pages that were loaded before are gone from it then.
   */
  get generation() {
    return this.#sync.inbox.generation;
  }

  /** True if this tab holds the connection that the browser's tabs share. */
  get leads() {
    return this.#sync.leads;
  }

  /**
   * Replaces the token by another one of the same user.
   * @param {string} token
   */
  useToken(token) {
    this.#signIn.setToken(token);
  }

  /** @param {string} id */
  markRead(id) {
    this.#markOne(id, 'read');
  }

  /**
   * Records a click, which marks the notification as read.
   * @param {string} id
   * @param {boolean} [leaving]  True if the page is being left.
   * @param {number} [action]  Index of the action that was chosen.
   */
  clicked(id, leaving = false, action = undefined) {
    this.#sync.inbox.applyMark(id, 'read');
    if (action !== undefined) this.#sync.inbox.setAction(id, action);
    const message = {
      type: 'notification.clicked',
      notification_id: id,
      ...(action !== undefined && { action }),
    };
    if (!leaving) {
      this.#sync.mark(message);
      return;
    }
    void this.#api
      .clickAndLeave(id, action)
      .then((recorded) => recorded || this.#sync.mark(message));
    this.#sync.changed();
  }

  /** @param {string} id */
  markUnread(id) {
    this.#markOne(id, 'unread');
  }

  /** @param {string} id */
  archive(id) {
    this.#markOne(id, 'archive');
  }

  /**
   * Takes a notification out of the archive, with its earlier status.
   * @param {string} id
   */
  unarchive(id) {
    this.#markOne(id, 'unarchive');
  }

  /**
   * Snoozes a notification: it leaves the list, and is unread again at a time.
   * @param {string} id
   * @param {Date} until
   */
  snooze(id, until) {
    this.#markOne(id, 'snooze', { until: until.toISOString() });
  }

  /**
   * Ends a snooze: the notification is unread again.
   * @param {string} id
   */
  unsnooze(id) {
    this.#markOne(id, 'unsnooze');
  }

  /**
   * Deletes a notification.
   * @param {string} id
   */
  remove(id) {
    this.#markOne(id, 'delete');
  }

  /** Marks all notifications as read. */
  markAllRead() {
    this.#markAll('read');
  }

  /**
   * Returns the IDs of unread notifications, newest first, also of those that are not loaded; at
   * most 1,000. For an undo with `restoreUnread`.
   * @returns {Promise<string[]>}
   */
  async unreadIds() {
    const known = this.items
      .filter((item) => item.status === 'unread')
      .map((item) => item.notification_id);
    if (known.length >= this.unread) return known;
    return this.#api.unreadIds();
  }

  /**
   * Marks notifications as unread again.
   * @param {string[]} ids
   */
  restoreUnread(ids) {
    return this.#api.restoreUnread(ids);
  }

  /**
   * Returns the notification types by code.
   * @returns {Promise<TypeNames>}
   */
  types() {
    return this.#api.types();
  }

  /** Marks all notifications as seen. */
  markAllSeen() {
    if (this.#sync.inbox.unseen > 0) this.#markAll('seen');
  }

  /**
   * Loads a page of the list. Returns the cursor of the next page, or null at the end.
   * @param {string | null} cursor
   * @param {Tab | Filter} [filter]
   * @returns {Promise<string | null>}
   */
  async loadOlder(cursor, filter = 'all') {
    const wanted = typeof filter === 'string' ? { tab: filter } : filter;
    const { tab, category, q } = wanted;
    const { inbox } = this.#sync;
    const { generation } = inbox;
    const page = await this.#api.list(cursor, wanted);
    const whole = tab === 'all' && !category && !q;
    // Otherwise it has started over in the meantime.
    if (generation === inbox.generation) {
      inbox.putPage(page.items, !whole, page);
      this.#sync.changed();
    }
    return page.next_cursor;
  }

  /**
   * Returns the preferences of the user.
   * @returns {Promise<Preferences>}
   */
  preferences() {
    return this.#api.preferences();
  }

  /**
   * Changes some preferences of the user. Returns all of them.
   * @param {Partial<Preferences> | ((known: Preferences) => Partial<Preferences>)} changes  New
   *   values, or what makes them of the stored ones.
   * @returns {Promise<Preferences>}
   */
  savePreferences(changes) {
    return this.#api.savePreferences(changes);
  }

  /**
   * Returns true in one of the tabs that ask with the same key.
   * @param {string} key
   */
  claims(key) {
    return this.#sync.claims(key);
  }

  /** Ends it. */
  close() {
    this.#signIn.close();
    this.#sync.close();
  }

  /**
   * @param {string} id
   * @param {Mark} mark
   * @param {{ until?: string }} [more]
   */
  #markOne(id, mark, more) {
    if (!this.#sync.inbox.applyMark(id, mark, more?.until)) return;
    this.#sync.mark({ type: `notification.${mark}`, notification_id: id, ...more });
  }

  /** @param {'read' | 'seen'} how */
  #markAll(how) {
    this.#sync.inbox.applyBulkMark(how);
    const up_to_revision = Math.max(0, this.#sync.inbox.revision);
    this.#sync.mark({ type: `notification.${how}_all`, up_to_revision });
  }
}
