import { call, callUrl, exchange, request } from './options.js';

/** @import { Options } from './options.js' */
/** @import { Filter } from './matching.js' */
/** @import { Notification } from './inbox.js' */

/** @typedef {Filter['tab']} Tab */
/**
 * Notification type. Earlier hubs have no `channels` and no `applies`.
 *
 * @typedef {object} TypeName
 * @property {string} code
 * @property {string} name
 * @property {boolean} mandatory
 * @property {string | null} [category]
 * @property {string[]} [channels]  Channels that it uses besides the inbox.
 * @property {boolean} [applies]  False if it is for other users only.
 */

/**
 * Types by code, and the configured channels that reach a person.
 * @typedef {Map<string, TypeName> & { channels?: string[] }} TypeNames
 */
/**
 * @typedef {{ items: Notification[], next_cursor: string | null, epoch: string, revision: number }}
 *   Listing
 */

/**
 * Preferences of a channel.
 *
 * @typedef {object} ChannelPreferences
 * @property {boolean} enabled  False if nothing may be sent on the channel.
 * @property {Record<string, boolean>} types  False for types that may not be sent on it, by code.
 */

/**
 * Preferences of a user.
 *
 * @typedef {object} Preferences
 * @property {string[]} muted_types  Codes of muted types.
 * @property {Record<string, ChannelPreferences>} channels  `email` and `push`.
 * @property {'daily' | 'hourly' | 'off' | null} digest  Collection of e-mails; null as the types
 *   say.
 * @property {Record<string, Array<'email' | 'push'>>} muted_channels  Alias of `channels`.
 * @property {boolean} email_enabled  Alias of `channels.email.enabled`.
 * @property {boolean} push_enabled  Alias of `channels.push.enabled`.
 * @property {{ from: string, to: string } | null} quiet_hours  Times such as `22:00`.
 * @property {string | null} timezone  IANA time zone of the quiet hours.
 * @property {number | null} retention_days  Days after which notifications are deleted.
 */

/** Number of notifications in a page of the list. */
const PAGE = '30';

/** Maximum number of notifications that an undo of “mark all as read” restores. */
const UNDO_MAX = 1_000;

/** Number of parallel requests of an undo. */
const UNDO_PARALLEL = 4;

/** Number of attempts to change preferences that others change at the same time. */
const SAVE_ATTEMPTS = 8;

/** HTTP interface of an inbox. */
export class InboxApi {
  /** @type {Options} */
  #options;
  /** @type {Promise<TypeNames> | null} */
  #types = null;

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
  }

  /**
   * Returns a page of the list.
   * @param {string | null} cursor  `next_cursor` of the previous page.
   * @param {Filter} filter
   * @returns {Promise<Listing>}
   */
  list(cursor, { tab, category, q }) {
    /** @type {Record<string, string>} */
    const query = { limit: PAGE, status: tab };
    if (category) query.category = category;
    if (q) query.q = q;
    if (cursor) query.cursor = cursor;
    return call(this.#options, 'GET', '/api/v1/notifications', query);
  }

  /**
   * Returns a page of changes after a position.
   * @param {string} since  EPOCH.REVISION
   * @returns {Promise<any>}
   */
  changes(since) {
    return call(this.#options, 'GET', '/api/v1/notifications', { since, limit: '500' });
  }

  /**
   * Returns the IDs of unread notifications, newest first.
   * @returns {Promise<string[]>}
   */
  async unreadIds() {
    const query = { limit: String(UNDO_MAX), status: 'unread' };
    const page = await call(this.#options, 'GET', '/api/v1/notifications', query);
    return page.items.map((/** @type {Notification} */ item) => item.notification_id);
  }

  /**
   * Marks notifications as unread again.
   * @param {string[]} ids
   */
  async restoreUnread(ids) {
    const left = [...ids];
    const work = async () => {
      for (let id = left.shift(); id; id = left.shift())
        await call(this.#options, 'POST', `/api/v1/notifications/${id}/unread`);
    };
    await Promise.all(Array.from({ length: UNDO_PARALLEL }, work));
  }

  /**
   * Records a click with a request that outlives the page.
   * @param {string} id
   * @param {number} [action]  Index of the action that was chosen.
   * @returns {Promise<boolean>} Whether the hub has recorded it.
   */
  async clickAndLeave(id, action) {
    const url = callUrl(this.#options, `/api/v1/notifications/${id}/clicked`);
    const body = action === undefined ? undefined : { action };
    return request(this.#options, url, 'POST', body, true).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  /**
   * Sends a mark that would go over the WebSocket.
   * @param {any} message
   */
  async mark({ type, notification_id: id, up_to_revision, until, action: chosen }) {
    const path = `/api/v1/notifications/${id ? `${id}/` : ''}`;
    const action = type.slice('notification.'.length).replace('_', '-');
    if (action === 'delete') await call(this.#options, 'DELETE', path.slice(0, -1));
    else {
      const own = chosen === undefined ? undefined : { action: chosen };
      const body = until ? { until } : id ? own : { up_to_revision };
      await call(this.#options, 'POST', path + action, {}, body);
    }
  }

  /**
   * Returns the notification types by code; requested once.
   * @returns {Promise<TypeNames>}
   */
  types() {
    this.#types ??= call(this.#options, 'GET', '/api/v1/preferences/types').then(
      ({ types, channels }) => {
        const byCode = types.map((/** @type {{ code: string }} */ type) => [type.code, type]);
        return Object.assign(new Map(byCode), { channels: channels ?? [] });
      },
    );
    const types = this.#types;
    types.catch(() => this.#types === types && this.forget());
    return types;
  }

  /** Forgets the types, which another user may not have. */
  forget() {
    this.#types = null;
  }

  /** @returns {Promise<Preferences>} */
  preferences() {
    return call(this.#options, 'GET', '/api/v1/preferences');
  }

  /**
   * Changes some preferences. Returns all of them. Another change that comes between reading and
   * writing is kept: the change is made again.
   * @param {Partial<Preferences> | ((known: Preferences) => Partial<Preferences>)} changes
   * @returns {Promise<Preferences>}
   */
  async savePreferences(changes) {
    const path = '/api/v1/preferences';
    for (let attempt = 1; ; attempt += 1) {
      const { answer: known, tag } = await exchange(this.#options, 'GET', path);
      const wanted = typeof changes === 'function' ? changes(known) : changes;
      try {
        const preferences = { ...known, ...wanted };
        return (await exchange(this.#options, 'PUT', path, {}, preferences, tag)).answer;
      } catch (error) {
        const { status } = /** @type {{ status?: number }} */ (error);
        if (status !== 412 || attempt >= SAVE_ATTEMPTS) throw error;
      }
    }
  }
}
