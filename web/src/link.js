import { SCRIPT_ORIGIN, callUrl, request, subprotocols } from './options.js';

/** @typedef {import('./options.js').Options} Options */

/**
 * How a connection is. `unauthorized`: nobody is signed in, or the sign-in has ended. `forbidden`: the hub does not let pages
 * of this origin in.
 * @typedef {'connecting' | 'online' | 'offline' | 'unauthorized' | 'forbidden'} Status
 */

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

/** A sign-in that has ended is tried again at most this often, when it may recover or somebody looks. */
const SIGN_IN_AGAIN = 5_000;

/** Close codes of the hub. */
const NO_LONGER_SIGNED_IN = 4001;
const FORBIDDEN = 4003;
const TOO_MANY_CONNECTIONS = 4009;

/**
 * What a connection is for.
 *
 * @typedef {object} Purpose
 * @property {() => string} address            Where to connect, now.
 * @property {string} welcome                  The type of the message that says that it is made.
 * @property {() => object} [hello]            Said first.
 * @property {(message: any) => void} take     Is given what the hub says.
 * @property {(status: Status, reason: string) => void} become
 * @property {() => Promise<void>} [poll]      What is asked over HTTP instead, while it cannot be had.
 * @property {[string, string]} probe          Method and path of a call that says why a connection is refused.
 * @property {import('./sign-in.js').SignIn} [signIn]
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
  #endedAt = 0;
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

  /** Connects anew, with another token. Nobody need notice. */
  renew() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#silence);
    this.#open();
    socket?.close(1000);
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
    if (document.visibilityState !== 'visible' || this.#status === 'forbidden') return;
    if (this.#status === 'unauthorized') {
      // They may have signed in meanwhile, in another tab.
      if (Date.now() - this.#endedAt < SIGN_IN_AGAIN) return;
      this.#endedAt = Date.now();
      if (this.#options.auth === 'cookie') this.#open();
      else if (this.#purpose.signIn?.mayRecover) void this.#signInAgain();
    } else if (!this.#socket) this.#open();
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
    } catch (error) {
      console.warn('Lonceng: cannot connect', error);
      this.#set('forbidden', 'bad address or token');
      return;
    }
    this.#socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      if (socket === this.#socket && this.#purpose.hello) socket.send(JSON.stringify(this.#purpose.hello()));
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) void this.#lost(event.code, !opened);
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
    if (welcome) this.#set('online', '');
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
    void this.#lost(1006, false);
    socket?.close();
  }

  /** @param {number} code @param {boolean} refused  Whether it was never open. */
  async #lost(code, refused) {
    clearTimeout(this.#silence);
    this.#socket = null;
    if (this.#closed) return;
    this.#failures += 1;
    if (code === NO_LONGER_SIGNED_IN) return this.#signInAgain();
    if (code === FORBIDDEN) return this.#set('forbidden', 'refused by the hub');
    const why = refused && navigator.onLine ? await this.#why() : 'offline';
    if (this.#closed || this.#socket) return;
    if (why === 'unauthorized') return this.#signInAgain();
    if (why === 'forbidden') {
      console.warn(`Lonceng: the hub refuses pages of ${location.origin}; its administrator allows them in server.allowed_origins`);
      return this.#set('forbidden', 'origin refused');
    }
    // A first failure is often a restart or a change of network; the page need not hear of it.
    if (this.#failures > 1 || !navigator.onLine) this.#set('offline', 'no connection');
    else if (this.#status === 'online') this.#set('connecting', '');
    const { poll } = this.#purpose;
    if (poll && this.#failures > 2) this.#poll ??= setInterval(() => void poll().catch(() => {}), POLL_INTERVAL);
    const most = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(this.#failures, 10));
    const wait = code === TOO_MANY_CONNECTIONS ? BACKOFF_MAX : most / 2 + (Math.random() * most) / 2;
    this.#retry = setTimeout(() => this.#open(), wait);
  }

  /** A browser does not tell a page why a WebSocket was refused; a call does. @returns {Promise<Status>} */
  async #why() {
    const [method, path] = this.#purpose.probe;
    try {
      const { status } = await request(this.#options, callUrl(this.#options, path), method);
      return status === 401 ? 'unauthorized' : status === 403 ? 'forbidden' : 'offline';
    } catch {
      // Nobody there, or an answer that this page may not read.
    }
    const live = new URL('/health/live', this.#options.hub || SCRIPT_ORIGIN);
    if (live.origin === location.origin) return 'offline';
    return fetch(live, { mode: 'no-cors', credentials: 'omit' }).then(() => 'forbidden', () => 'offline');
  }

  async #signInAgain() {
    this.#endedAt = Date.now();
    const { signIn } = this.#purpose;
    if (await signIn?.refused()) {
      if (!this.#socket) this.#open();
      return;
    }
    if (this.#closed || this.#socket) return;
    this.#set('unauthorized', 'not signed in, or the sign-in has ended');
    clearTimeout(this.#retry);
    if (signIn?.mayRecover) this.#retry = setTimeout(() => void this.#signInAgain(), SIGN_IN_AGAIN);
  }

  /** @param {Status} status @param {string} reason */
  #set(status, reason) {
    if (this.#status === status) return;
    this.#status = status;
    this.#purpose.become(status, reason);
  }
}
