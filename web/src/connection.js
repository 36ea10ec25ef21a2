import { get, socketUrl, subprotocols } from './options.js';
import { Inbox } from './inbox.js';

/** @typedef {import('./options.js').Options} Options */
/** @typedef {import('./inbox.js').Notification} Notification */
/** @typedef {'connecting' | 'online' | 'offline' | 'denied'} Status */

/** Milliseconds before the first try to connect again; doubled for each further one. */
const BACKOFF_FIRST = 250;
const BACKOFF_MAX = 30_000;

/** While no WebSocket can be had, the inbox is asked for over HTTP this often. */
const POLL_INTERVAL = 30_000;

/** A connection that has heard nothing for so many heartbeats is dead, although nobody said so. */
const PATIENCE = 2.5;

/** Close codes after which connecting again in the same way is of no use. */
const FINAL = new Set([4001, 4003, 4009]);

/**
 * A live inbox. It connects, resumes where it was, and says what happens:
 * `change` (the list, the count or the status), `notification` (a new one, as `detail`).
 */
export class Client extends EventTarget {
  /** @type {Options} */
  #options;
  #inbox = new Inbox();
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, object>} Marks that the hub has not answered yet: made offline, or lost with a connection. */
  #pending = new Map();
  /** @type {Status} */
  #status = 'connecting';
  #failures = 0;
  #closed = false;
  #syncing = false;
  #heartbeat = 30;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #poll;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;

  /** @param {Options} options */
  constructor(options) {
    super();
    this.#options = options;
    addEventListener('online', this.#hurry);
    document.addEventListener('visibilitychange', this.#hurry);
    this.#open();
  }

  /** The list, newest first. @returns {Notification[]} */
  get items() {
    return this.#inbox.items;
  }

  /** How many are unread. */
  get unread() {
    return this.#inbox.unread;
  }

  /** How the connection is. @returns {Status} */
  get status() {
    return this.#status;
  }

  /** The last revision of which everything is here. */
  get revision() {
    return this.#inbox.revision;
  }

  /** Marks one read. @param {string} id */
  markRead(id) {
    if (!this.#inbox.readSoon(id)) return;
    this.#mark(id, { type: 'notification.read', notification_id: id });
    this.#changed();
  }

  /** Marks everything read that is here. */
  markAllRead() {
    this.#inbox.allReadSoon();
    this.#mark('all', { type: 'notification.read_all', up_to_revision: Math.max(0, this.#inbox.revision) });
    this.#changed();
  }

  /**
   * Fetches a page of the list; says where the next one starts.
   * @param {string | null} cursor
   * @returns {Promise<string | null>}
   */
  async loadOlder(cursor) {
    const page = await get(this.#options, '/api/v1/notifications', cursor ? { limit: '30', cursor } : { limit: '30' });
    for (const item of page.items) this.#inbox.put(item);
    this.#changed();
    return page.next_cursor;
  }

  /** Ends it. */
  close() {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    clearInterval(this.#poll);
    removeEventListener('online', this.#hurry);
    document.removeEventListener('visibilitychange', this.#hurry);
    this.#socket?.close(1000);
    this.#socket = null;
  }

  #open() {
    clearTimeout(this.#retry);
    if (this.#closed || this.#socket) return;
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(socketUrl(this.#options, this.#inbox.position), subprotocols(this.#options));
    } catch {
      this.#become('denied');
      return;
    }
    this.#socket = socket;
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    };
  }

  /** @param {any} message */
  #receive(message) {
    this.#listenOn();
    if (message.type === 'connected') this.#connected(message.data);
    if (['sync.response', 'reset', 'error'].includes(message.type)) this.#syncing = false;
    if (message.type.endsWith('.ack')) this.#pending.delete(message.data.notification_id ?? 'all');
    if (message.type === 'error' && message.data.code === 'not_found') this.#pending.clear();
    if (message.type === 'going_away') this.#failures = 0;
    const effect = this.#inbox.take(message);
    if (effect.gap && !this.#syncing) {
      this.#syncing = true;
      this.#send({ type: 'sync.request', since: this.#inbox.position, limit: 500 });
    }
    if (effect.fresh?.status === 'unread') {
      this.dispatchEvent(new CustomEvent('notification', { detail: effect.fresh }));
    }
    this.#changed();
  }

  /** @param {any} data */
  #connected(data) {
    this.#failures = 0;
    this.#syncing = false;
    this.#heartbeat = data.heartbeat_seconds ?? 30;
    clearInterval(this.#poll);
    this.#poll = undefined;
    this.#become('online');
    // Repeating one that arrived after all changes nothing.
    for (const message of this.#pending.values()) this.#send(message);
  }

  /** The browser answers pings by itself and tells nobody, so silence is found by asking. */
  #listenOn() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.#send({ type: 'ping' });
      this.#silence = setTimeout(() => this.#drop(), this.#heartbeat * 500);
    }, this.#heartbeat * (PATIENCE - 0.5) * 1000);
  }

  #drop() {
    const socket = this.#socket;
    this.#lost(1006);
    socket?.close();
  }

  /** @param {number} code */
  #lost(code) {
    clearTimeout(this.#silence);
    this.#socket = null;
    if (this.#closed) return;
    if (FINAL.has(code)) {
      this.#become('denied');
      return;
    }
    this.#failures += 1;
    // A first failure is often a restart or a change of network; the page need not hear of it.
    if (this.#failures > 1) this.#become('offline');
    if (this.#failures > 2) this.#startPolling();
    const most = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(this.#failures, 10));
    this.#retry = setTimeout(() => this.#open(), most / 2 + (Math.random() * most) / 2);
  }

  #startPolling() {
    this.#poll ??= setInterval(() => void this.#pollOnce(), POLL_INTERVAL);
  }

  async #pollOnce() {
    try {
      const since = this.#inbox.position ?? '0';
      const page = await get(this.#options, '/api/v1/notifications', { since, limit: '500' });
      if (page.reset) this.#inbox.take({ type: 'reset', data: page });
      const known = new Set(this.#inbox.items.map((item) => item.notification_id));
      this.#inbox.epoch = page.epoch;
      this.#inbox.take({ type: 'sync.response', data: page.items, revision: page.revision, unread: page.unread, complete: true });
      for (const item of page.items) {
        if (item.status === 'unread' && !known.has(item.notification_id)) {
          this.dispatchEvent(new CustomEvent('notification', { detail: item }));
        }
      }
      this.#changed();
    } catch {
      // The next round asks again.
    }
  }

  /** Somebody looks, or the network is back: do not wait for the backoff. */
  #hurry = () => {
    if (document.visibilityState !== 'visible' || this.#socket || this.#status === 'denied') return;
    this.#open();
  };

  /** Sends a mark, and again after a disconnect, until it is answered. @param {string} key @param {object} message */
  #mark(key, message) {
    this.#pending.set(key, message);
    this.#send(message);
  }

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN && this.#status === 'online') {
      this.#socket.send(JSON.stringify(message));
    }
  }

  /** @param {Status} status */
  #become(status) {
    if (this.#status === status) return;
    this.#status = status;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
