/**
 * A notification as the hub sends it.
 *
 * @typedef {object} Notification
 * @property {string} notification_id
 * @property {string} stream_id
 * @property {number} revision
 * @property {string} type_code
 * @property {string} title
 * @property {string} message
 * @property {'LOW' | 'MEDIUM' | 'HIGH'} priority
 * @property {string | null} action_url
 * @property {Record<string, any>} metadata
 * @property {string} created_at
 * @property {'unread' | 'read' | 'archived' | 'deleted' | 'auto_cleared'} status
 * @property {boolean} read
 */

/**
 * What a message from the hub did.
 *
 * @typedef {object} Effect
 * @property {Notification} [fresh]  A notification that nobody here has seen.
 * @property {boolean} [gap]         Something before it is missing: ask for what changed.
 */

/** Only these are in the list. */
const LISTED = new Set(['unread', 'read']);

/** The state of an inbox: what the hub says, applied in the order of the revisions. No network, no page. */
export class Inbox {
  /** @type {Map<string, Notification>} */
  #items = new Map();
  unread = 0;
  epoch = '';
  /** The last revision of which everything is here; -1 before the first connection. */
  revision = -1;

  /** The list, newest first. */
  get items() {
    const place = (/** @type {Notification} */ item) => Number(item.stream_id.split('-')[1]);
    return [...this.#items.values()].filter((item) => LISTED.has(item.status)).sort((a, b) => place(b) - place(a));
  }

  /** Where to resume from. */
  get position() {
    return this.revision < 0 ? null : `${this.epoch}.${this.revision}`;
  }

  /**
   * Takes a message from the hub.
   * @param {any} message
   * @returns {Effect}
   */
  take(message) {
    const data = message.data ?? {};
    switch (message.type) {
      case 'connected':
        return this.#connected(data);
      case 'reset':
        this.#items.clear();
        this.#stand(data);
        return {};
      case 'sync.response':
        for (const item of message.data) this.put(item);
        this.revision = Math.max(this.revision, message.revision);
        this.unread = message.unread;
        return message.complete ? {} : { gap: true };
      case 'notification.push':
        return this.#pushed(data);
      case 'notification.update':
        if (data.read_all) return this.#allRead(data.read_all, data);
        this.put(data);
        return this.#follow(data);
      case 'notification.read_all.ack':
        return this.#allRead({ from_revision: data.previous_revision, up_to_revision: data.up_to_revision ?? 0 }, data);
      case 'notifications.summary':
        this.unread = data.unread;
        return { gap: true };
      default:
        return message.type?.endsWith('.ack') ? this.#acknowledged(data) : {};
    }
  }

  /**
   * Puts a notification in, unless a newer state of it is here.
   * @param {Notification} item
   */
  put(item) {
    const known = this.#items.get(item.notification_id);
    if (!known || known.revision <= item.revision) this.#items.set(item.notification_id, item);
  }

  /**
   * Shows a mark before the hub has confirmed it.
   * @param {string} id
   */
  readSoon(id) {
    const item = this.#items.get(id);
    if (!item || item.status !== 'unread') return false;
    this.#items.set(id, { ...item, status: 'read', read: true });
    this.unread = Math.max(0, this.unread - 1);
    return true;
  }

  /** Shows everything read before the hub has confirmed it. */
  allReadSoon() {
    for (const item of this.items) this.readSoon(item.notification_id);
    this.unread = 0;
  }

  /** @param {any} data @returns {Effect} */
  #connected(data) {
    if (this.revision >= 0 && data.epoch === this.epoch && data.revision >= this.revision) {
      this.unread = data.unread;
      return {};
    }
    this.#items.clear();
    this.#stand(data);
    return {};
  }

  /** @param {{epoch: string, revision: number, unread: number}} data */
  #stand({ epoch, revision, unread }) {
    this.epoch = epoch;
    this.revision = revision;
    this.unread = unread;
  }

  /** @param {any} data @returns {Effect} */
  #pushed(data) {
    const fresh = data.revision > this.revision && !this.#items.has(data.notification_id);
    this.put(data);
    const effect = this.#follow(data);
    return fresh ? { ...effect, fresh: data } : effect;
  }

  /** @param {any} data @returns {Effect} */
  #acknowledged(data) {
    const item = this.#items.get(data.notification_id);
    if (item && data.status) {
      this.put({ ...item, status: data.status, read: data.status === 'read', revision: data.revision });
    }
    return this.#follow(data);
  }

  /** @param {{from_revision: number, up_to_revision: number}} range @param {any} data @returns {Effect} */
  #allRead(range, data) {
    if (this.revision < range.from_revision) return { gap: true };
    for (const item of this.#items.values()) {
      if (item.status === 'unread' && item.revision <= range.up_to_revision) {
        this.#items.set(item.notification_id, { ...item, status: 'read', read: true });
      }
    }
    this.unread = data.unread;
    this.revision = Math.max(this.revision, data.revision);
    return {};
  }

  /** @param {any} data @returns {Effect} */
  #follow(data) {
    if (data.revision <= this.revision) return {};
    if (data.previous_revision > this.revision) return { gap: true };
    this.revision = data.revision;
    this.unread = data.unread;
    return {};
  }
}
