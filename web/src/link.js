import { subprotocols } from './options.js';

/** @typedef {import('./options.js').Options} Options */
/** @typedef {'connecting' | 'online' | 'offline' | 'denied'} Status */

/** Milliseconds before the first try to connect again; doubled for each further one. */
const BACKOFF_FIRST = 250;
const BACKOFF_MAX = 30_000;

/** While no WebSocket can be had, the hub is asked over HTTP this often. */
const POLL_INTERVAL = 30_000;

/** A connection that has heard nothing for so many heartbeats is dead, although nobody said so. */
const PATIENCE = 2.5;

/** How long a connection that may have slept may take to answer. */
const ANSWER_WITHIN = 4_000;

/** A clock that jumps by this much slept in between. */
const NAP = 20_000;

/** Close codes after which connecting again in the same way is of no use. */
const FINAL = new Set([4001, 4003, 4009]);

/**
 * What a connection is for.
 *
 * @typedef {object} Purpose
 * @property {() => string} address            Where to connect, now.
 * @property {string} welcome                  The type of the message that says that it is made.
 * @property {() => object} [hello]            Said first.
 * @property {(message: any) => void} take     Is given what the hub says.
 * @property {(status: Status) => void} become
 * @property {() => Promise<void>} [poll]      What is asked over HTTP instead, while it cannot be had.
 */

/** The connection to the hub: kept, made again with backoff, replaced by polling while it cannot be had. */
export class Link {
  /** @type {Options} */
  #options;
  /** @type {Purpose} */
  #purpose;
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

  /** @param {Options} options @param {Purpose} purpose */
  constructor(options, purpose) {
    this.#options = options;
    this.#purpose = purpose;
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

  /** Says something to a connection that is open, whether it has been welcomed or not. @param {object} message */
  say(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
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
      socket = new WebSocket(this.#purpose.address(), subprotocols(this.#options));
    } catch {
      this.#set('denied');
      return;
    }
    this.#socket = socket;
    socket.onopen = () => {
      if (socket === this.#socket && this.#purpose.hello) socket.send(JSON.stringify(this.#purpose.hello()));
    };
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
    const welcome = message.type === this.#purpose.welcome;
    if (welcome) {
      this.#failures = 0;
      this.#heartbeat = message.data.heartbeat_seconds ?? 30;
      clearInterval(this.#poll);
      this.#poll = undefined;
    }
    if (message.type === 'going_away') this.#failures = 0;
    this.#purpose.take(message);
    if (welcome) this.#set('online');
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
    const { poll } = this.#purpose;
    if (poll && this.#failures > 2) this.#poll ??= setInterval(() => void poll().catch(() => {}), POLL_INTERVAL);
    const most = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(this.#failures, 10));
    this.#retry = setTimeout(() => this.#open(), most / 2 + (Math.random() * most) / 2);
  }

  /** @param {Status} status */
  #set(status) {
    if (this.#status === status) return;
    this.#status = status;
    this.#purpose.become(status);
  }
}
