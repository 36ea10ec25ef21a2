import { call, callUrl, request, shareName, socketUrl } from './options.js';
import { SignIn } from './sign-in.js';
import { Inbox } from './inbox.js';
import { Link } from './link.js';
import { Tabs } from './tabs.js';

/** @typedef {import('./options.js').Options} Options */
/** @typedef {import('./inbox.js').Notification} Notification */
/** @typedef {import('./inbox.js').Mark} Mark */
/** @typedef {import('./link.js').Status} Status */
/** @typedef {'all' | 'unread' | 'archived'} Tab */
/** @typedef {Map<string, { code: string, name: string, mandatory: boolean }>} TypeNames */

/** Notifications in a page of the list. */
const PAGE = '30';

/** When the hub cannot store a mark now, it is sent again after so many milliseconds. */
const AGAIN_AFTER = 3_000;

/** A page that gets no token asks again after so many milliseconds. */
const TOKEN_AGAIN_AFTER = 5_000;

/** Unread notifications that are remembered to undo “mark all as read”. */
const UNDO_MAX = 1_000;

/** Marks that are sent at once to undo. */
const UNDO_AT_ONCE = 4;

/** How long what is missing may take to come before it is asked for again. */
const SYNC_WITHIN = 5_000;

/**
 * A live inbox. It connects, or listens to the tab that does; resumes where it was; and says what happens: `change` (the list,
 * a count or the status), `notification` (a new one, as `detail`), `summary` (several at once, as `detail.count`).
 */
export class Client extends EventTarget {
  /** @type {Options} */
  #options;
  #inbox = new Inbox();
  /** @type {Tabs | undefined} */
  #tabs;
  #closed = false;
  #signIn;
  /** @type {Promise<TypeNames> | null} */
  #types = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #again;
  /** @type {Link | null} The connection, in the tab that leads. */
  #link = null;
  /** @type {Map<string, object>} Marks that the hub has not answered yet: made offline, or lost with a connection. */
  #pending = new Map();
  /** @type {Status} */
  #status = 'connecting';
  #reason = '';
  #syncing = false;
  /** @type {string[]} Marks on their way through this tab's connection, in order. */
  #sent = [];

  /** @param {Options} options */
  constructor(options) {
    super();
    this.#options = { ...options };
    this.#signIn = new SignIn(this.#options, () => this.#link?.renew());
    void this.#begin();
  }

  /** The list, newest first. @returns {Notification[]} */
  get items() {
    return this.#inbox.items;
  }

  /** What is put away and loaded. @returns {Notification[]} */
  get archived() {
    return this.#inbox.archived;
  }

  /** How many are unread. */
  get unread() {
    return this.#inbox.unread;
  }

  /** How many of those were never on a screen. */
  get unseen() {
    return this.#inbox.unseen;
  }

  /** How the connection is. @returns {Status} */
  get status() {
    return this.#status;
  }

  /** Why it is so, for whoever reads a log. */
  get reason() {
    return this.#reason;
  }

  /** Who it is for. */
  get signIn() {
    return this.#signIn;
  }

  /** Whether the list may be shown: it is somebody's who is signed in. */
  get mayShow() {
    return this.#status !== 'unauthorized' && this.#status !== 'forbidden';
  }

  /** The last revision of which everything is here. */
  get revision() {
    return this.#inbox.revision;
  }

  /** Whether this tab holds the browser's connection. */
  get leads() {
    return Boolean(this.#tabs?.leads);
  }

  /** Uses another token of the same person from now on. @param {string} token */
  useToken(token) {
    this.#signIn.use(token);
  }

  /** @param {string} id */
  markRead(id) {
    this.#markOne(id, 'read');
  }

  /** Says that it was clicked; that reads it. @param {string} id @param {boolean} [leaving]  Whether the page is being left. */
  clicked(id, leaving = false) {
    this.#inbox.soon(id, 'read');
    const message = { type: 'notification.clicked', notification_id: id };
    if (!leaving) {
      this.#mark(id, message);
      return;
    }
    // A connection ends with its page; this call goes on.
    const url = callUrl(this.#options, `/api/v1/notifications/${id}/clicked`);
    request(this.#options, url, 'POST', undefined, true).then(({ ok }) => ok || this.#mark(id, message), () => this.#mark(id, message));
    this.#changed();
  }

  /** @param {string} id */
  markUnread(id) {
    this.#markOne(id, 'unread');
  }

  /** @param {string} id */
  archive(id) {
    this.#markOne(id, 'archive');
  }

  /** Takes one out of the archive, as it was. @param {string} id */
  unarchive(id) {
    this.#markOne(id, 'unarchive');
  }

  /** Deletes one for good. @param {string} id */
  remove(id) {
    this.#markOne(id, 'delete');
  }

  /** Marks everything read that is here. */
  markAllRead() {
    this.#markEvery('read');
  }

  /** The unread ones, newest first, also those that are not loaded: what to give to `markUnread` to undo. @returns {Promise<string[]>} */
  async unreadIds() {
    const known = this.items.filter((item) => item.status === 'unread').map((item) => item.notification_id);
    if (known.length >= this.unread) return known;
    const query = { limit: String(UNDO_MAX), status: 'unread' };
    const page = await call(this.#options, 'GET', '/api/v1/notifications', query);
    return page.items.map((/** @type {Notification} */ item) => item.notification_id);
  }

  /** Marks many unread again. @param {string[]} ids */
  async restoreUnread(ids) {
    const left = [...ids];
    const work = async () => {
      for (let id = left.shift(); id; id = left.shift()) await call(this.#options, 'POST', `/api/v1/notifications/${id}/unread`);
    };
    await Promise.all(Array.from({ length: UNDO_AT_ONCE }, work));
  }

  /** The types that can be muted, by code. @returns {Promise<TypeNames>} */
  types() {
    this.#types ??= call(this.#options, 'GET', '/api/v1/preferences/types').then(({ types }) => new Map(
      types.map((/** @type {{ code: string, name: string, mandatory: boolean }} */ type) => [type.code, type])));
    this.#types.catch(() => (this.#types = null));
    return this.#types;
  }

  /** Says that everything here has been on a screen. */
  markAllSeen() {
    if (this.#inbox.unseen > 0) this.#markEvery('seen');
  }

  /**
   * Fetches a page of the list; says where the next one starts.
   * @param {string | null} cursor
   * @param {Tab} [tab]
   * @returns {Promise<string | null>}
   */
  async loadOlder(cursor, tab = 'all') {
    /** @type {Record<string, string>} */
    const query = { limit: PAGE, status: tab };
    if (cursor) query.cursor = cursor;
    const page = await call(this.#options, 'GET', '/api/v1/notifications', query);
    for (const item of page.items) this.#inbox.put(item);
    this.#changed();
    return page.next_cursor;
  }

  /** What this person wants. */
  preferences() {
    return call(this.#options, 'GET', '/api/v1/preferences');
  }

  /** Sets what this person wants; what is not said stays. @param {object} wanted */
  async savePreferences(wanted) {
    return call(this.#options, 'PUT', '/api/v1/preferences', {}, { ...(await this.preferences()), ...wanted });
  }

  /** Whether this tab is the one to make a noise about something. @param {string} what */
  claims(what) {
    return this.#tabs?.claims(what) ?? true;
  }

  /** Ends it. */
  close() {
    this.#closed = true;
    clearTimeout(this.#again);
    this.#signIn.close();
    this.#link?.close();
    this.#link = null;
    this.#tabs?.close();
  }

  /** Starts, when it is known who it is for. */
  async #begin() {
    const signedIn = await this.#signIn.first();
    if (this.#closed) return;
    if (!signedIn || this.#signIn.isMissing) {
      this.#become('unauthorized', this.#signIn.isMissing ? 'no token' : 'getToken gave none');
      if (!signedIn) this.#again = setTimeout(() => void this.#begin(), TOKEN_AGAIN_AFTER);
      return;
    }
    this.#become('connecting', '');
    this.#tabs = new Tabs(shareName(this.#options), () => this.#lead(), (said) => this.#hear(said));
    // Whoever leads already tells what it has.
    this.#tabs.say({ want: true });
  }

  #lead() {
    const tell = (/** @type {Status} */ status, /** @type {string} */ reason) => {
      this.#sent = [];
      this.#become(status, reason);
      // What this tab shows is no good any more; another tab's may be.
      if (!this.mayShow && !this.#signIn.mayRecover && this.#options.auth !== 'cookie') this.#stepBack();
      else this.#tabs?.say({ status, reason });
    };
    // In every tab the next `online` is news, and brings the marks that were made in between.
    tell('connecting', '');
    this.#link = new Link(this.#options, {
      address: () => socketUrl(this.#options, this.#inbox.position),
      welcome: 'connected',
      take: (message) => this.#fromHub(message),
      become: tell,
      poll: () => this.#poll(),
      probe: ['GET', '/api/v1/notifications/unread-count'],
      signIn: this.#signIn,
    });
  }

  /** Asks over HTTP for what has changed. */
  async #poll() {
    let since = this.#inbox.position ?? '0';
    for (let more = true; more;) {
      const page = await call(this.#options, 'GET', '/api/v1/notifications', { since, limit: '500' });
      // A connection that has come meanwhile knows more.
      if (this.#status === 'online') return;
      this.#fromHub({ type: 'polled', data: page });
      more = Boolean(page.next_cursor);
      since = `${page.epoch}.${page.revision}`;
    }
  }

  #stepBack() {
    this.#link?.close();
    this.#link = null;
    this.#tabs?.yield();
  }

  /** In the tab that leads: what the hub says. @param {any} message */
  #fromHub(message) {
    if (['sync.response', 'reset', 'error', 'connected'].includes(message.type)) this.#syncing = false;
    if (message.type === 'error') {
      this.#refused(message.data.code);
      return;
    }
    // What is only whole from where this tab stands is passed on as what came of it.
    const whole = ['sync.response', 'polled'].includes(message.type);
    if (!whole) this.#tabs?.say({ message });
    this.#take(message);
    if (whole) this.#tabs?.say({ snapshot: this.#inbox.snapshot });
    if (message.type === 'polled') void this.#sendByHttp();
  }

  /** What another tab says. @param {any} said */
  #hear(said) {
    if (this.#tabs?.leads) {
      if (said.send) this.#pass(said.send);
      if (said.want && this.#inbox.revision >= 0) {
        this.#tabs.say({ snapshot: this.#inbox.snapshot });
        this.#tabs.say({ status: this.#status, reason: this.#reason });
      }
      return;
    }
    if (said.snapshot) {
      this.#syncing = false;
      this.#inbox.adopt(said.snapshot);
      this.#changed();
    }
    if (said.gone) this.#pending.delete(said.gone);
    if (said.again) setTimeout(() => this.#sendPending(), AGAIN_AFTER);
    if (['connected', 'reset'].includes(said.message?.type)) this.#syncing = false;
    if (said.message) {
      // From here it would not be whole.
      if (this.#inbox.revision < 0) this.#catchUp();
      else this.#take(said.message);
    }
    if (said.status) this.#become(said.status, said.reason ?? '');
  }

  /** @param {any} message */
  #take(message) {
    if (message.type.endsWith('.ack')) {
      const key = `${message.type.slice(0, -4)} ${message.data?.notification_id ?? 'all'}`;
      this.#pending.delete(key);
      if (this.#sent.includes(key)) this.#sent.splice(this.#sent.indexOf(key), 1);
    }
    const effect = this.#inbox.take(message);
    if (effect.gap) this.#catchUp();
    if (effect.fresh?.status === 'unread') {
      this.dispatchEvent(new CustomEvent('notification', { detail: effect.fresh }));
    }
    if (message.type === 'notifications.summary') {
      this.dispatchEvent(new CustomEvent('summary', { detail: { count: message.data.count } }));
    }
    this.#changed();
  }

  #catchUp() {
    if (this.#syncing) return;
    this.#syncing = true;
    // Whoever was asked may be gone.
    setTimeout(() => (this.#syncing = false), SYNC_WITHIN);
    if (this.leads) this.#link?.send({ type: 'sync.request', since: this.#inbox.position, limit: 500 });
    else this.#tabs?.say({ want: true });
  }

  /** @param {string} code */
  #refused(code) {
    if (code === 'not_found') {
      // The hub answers in order, so it is about the oldest; one that is gone will not come back.
      const key = this.#sent.shift();
      if (key) this.#pending.delete(key);
      this.#tabs?.say({ gone: key });
    }
    if (code === 'unavailable' || code === 'rate_limited') {
      this.#sent = [];
      this.#tabs?.say({ again: true });
      setTimeout(() => this.#sendPending(), AGAIN_AFTER);
    }
  }

  /** @param {string} id @param {Mark} mark */
  #markOne(id, mark) {
    if (!this.#inbox.soon(id, mark)) return;
    this.#mark(id, { type: `notification.${mark}`, notification_id: id });
  }

  /** @param {'read' | 'seen'} how */
  #markEvery(how) {
    this.#inbox.allSoon(how);
    // Reading shows that it was seen.
    if (how === 'read') this.#pending.delete('notification.seen_all all');
    this.#mark('all', { type: `notification.${how}_all`, up_to_revision: Math.max(0, this.#inbox.revision) });
  }

  /** Sends a mark, and again after a disconnect, until it is answered. @param {string} id @param {{type: string, [field: string]: unknown}} message */
  #mark(id, message) {
    const key = `${message.type} ${id}`;
    this.#pending.delete(key);
    this.#pending.set(key, message);
    this.#send(message);
    this.#changed();
  }

  /** @param {object} message */
  #send(message) {
    if (this.leads) this.#pass(message);
    else this.#tabs?.say({ send: message });
  }

  /** In the tab that leads: sends a mark, and remembers the order. @param {any} message */
  #pass(message) {
    if (this.#link?.send(message)) this.#sent.push(`${message.type} ${message.notification_id ?? 'all'}`);
  }

  /** Where no WebSocket can be had, marks go the other way. */
  async #sendByHttp() {
    for (const [key, message] of [...this.#pending]) {
      const { type, notification_id: id, up_to_revision } = /** @type {any} */ (message);
      const word = type.slice('notification.'.length).replace('_', '-');
      const path = `/api/v1/notifications/${id ? `${id}/` : ''}${word}`;
      try {
        if (word === 'delete') await call(this.#options, 'DELETE', `/api/v1/notifications/${id}`);
        else await call(this.#options, 'POST', path, {}, id ? undefined : { up_to_revision });
        this.#pending.delete(key);
      } catch {
        // The next round tries again.
      }
    }
  }

  #sendPending() {
    // Repeating one that arrived after all changes nothing.
    for (const message of this.#pending.values()) this.#send(message);
  }

  /** @param {Status} status @param {string} reason */
  #become(status, reason) {
    if (this.#status === status) return;
    this.#status = status;
    this.#reason = reason;
    if (status === 'online') this.#sendPending();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
