import { call, socketUrl, subprotocols } from './options.js';

/** @typedef {import('./options.js').Options} Options */
/** @typedef {'connecting' | 'online' | 'offline' | 'denied'} Status */

/** Milliseconds before the first try to connect again; doubled for each further one. */
const BACKOFF_FIRST = 250;
const BACKOFF_MAX = 30_000;

/** While no WebSocket can be had, the inbox is asked for over HTTP this often. */
const POLL_INTERVAL = 30_000;

/** A connection that has heard nothing for so many heartbeats is dead, although nobody said so. */
const PATIENCE = 2.5;

/** How long a connection that may have slept may take to answer. */
const ANSWER_WITHIN = 4_000;

/** A clock that jumps by this much slept in between. */
const NAP = 20_000;

/** Close codes after which connecting again in the same way is of no use. */
const FINAL = new Set([4001, 4003, 4009]);

/** The connection to the hub: kept, made again with backoff, replaced by polling while it cannot be had. */
export class Link {
  /** @type {Options} */
  #options;
  /** @type {() => string | null} */
  #position;
  /** @type {(message: any) => void} */
  #take;
  /** @type {(status: Status) => void} */
  #become;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Status} */
  #status = 'connecting';
  #failures = 0;
  #closed = false;
  #heartbeat = 30;
  #ticked = Date.now();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #poll;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #clock;

  /**
   * @param {Options} options
   * @param {() => string | null} position  Where to resume from.
   * @param {(message: any) => void} take    Is given what the hub says.
   * @param {(status: Status) => void} become
   */
  constructor(options, position, take, become) {
    this.#options = options;
    this.#position = position;
    this.#take = take;
    this.#become = become;
    addEventListener('online', this.hurry);
    addEventListener('pageshow', this.hurry);
    document.addEventListener('visibilitychange', this.hurry);
    this.#clock = setInterval(() => this.#tick(), NAP / 4);
    this.#open();
  }

  /** Sends if there is a connection. @param {object} message */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#status !== 'online') return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Ends it. */
  close() {
    this.#closed = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    clearInterval(this.#poll);
    clearInterval(this.#clock);
    removeEventListener('online', this.hurry);
    removeEventListener('pageshow', this.hurry);
    document.removeEventListener('visibilitychange', this.hurry);
    this.#socket?.close(1000);
    this.#socket = null;
  }

  /** Somebody looks, the network is back, or the machine woke up: do not wait for the backoff, nor for a dead connection. */
  hurry = () => {
    if (document.visibilityState !== 'visible' || this.#status === 'denied') return;
    if (!this.#socket) this.#open();
    else if (this.send({ type: 'ping' })) {
      clearTimeout(this.#silence);
      this.#silence = setTimeout(() => this.#drop(), ANSWER_WITHIN);
    }
  };

  #tick() {
    const now = Date.now();
    const slept = now - this.#ticked > NAP;
    this.#ticked = now;
    if (slept) this.hurry();
  }

  #open() {
    clearTimeout(this.#retry);
    if (this.#closed || this.#socket) return;
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(socketUrl(this.#options, this.#position()), subprotocols(this.#options));
    } catch {
      this.#set('denied');
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
    if (message.type === 'connected') {
      this.#failures = 0;
      this.#heartbeat = message.data.heartbeat_seconds ?? 30;
      clearInterval(this.#poll);
      this.#poll = undefined;
    }
    if (message.type === 'going_away') this.#failures = 0;
    this.#take(message);
    if (message.type === 'connected') this.#set('online');
  }

  /** The browser answers pings by itself and tells nobody, so silence is found by asking. */
  #listenOn() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      this.send({ type: 'ping' });
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
      this.#set('denied');
      return;
    }
    this.#failures += 1;
    // A first failure is often a restart or a change of network; the page need not hear of it.
    if (this.#failures > 1 || !navigator.onLine) this.#set('offline');
    else if (this.#status === 'online') this.#set('connecting');
    if (this.#failures > 2) this.#poll ??= setInterval(() => void this.#pollOnce(), POLL_INTERVAL);
    const most = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(this.#failures, 10));
    this.#retry = setTimeout(() => this.#open(), most / 2 + (Math.random() * most) / 2);
  }

  async #pollOnce() {
    try {
      let since = this.#position() ?? '0';
      for (let more = true; more;) {
        const page = await call(this.#options, 'GET', '/api/v1/notifications', { since, limit: '500' });
        // A connection that has come meanwhile knows more.
        if (this.#status === 'online') return;
        this.#take({ type: 'polled', data: page });
        more = Boolean(page.next_cursor);
        since = `${page.epoch}.${page.revision}`;
      }
    } catch {
      // The next round asks again.
    }
  }

  /** @param {Status} status */
  #set(status) {
    if (this.#status === status) return;
    this.#status = status;
    this.#become(status);
  }
}
