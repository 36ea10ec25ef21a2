import { SCRIPT_ORIGIN, callUrl, request, subprotocols } from './options.js';

/** @import { Options } from './options.js' */
/** @import { SignIn } from './sign-in.js' */

/**
 * Status of a connection. `unauthorized`: not signed in, or the sign-in has expired. `forbidden`:
 * the hub refuses pages of this origin.
 *
 * @typedef {'connecting' | 'online' | 'offline' | 'unauthorized' | 'forbidden'} Status
 */

/**
 * Delay before the first reconnect in milliseconds, doubled for each further one, and its maximum.
 */
const BACKOFF_FIRST = 250;
const BACKOFF_MAX = 30_000;

/** Interval of polling over HTTP while there is no WebSocket, in milliseconds. */
const POLL_INTERVAL = 30_000;

/** Number of heartbeats without any message after which a connection is dead. */
const SILENT_HEARTBEATS = 2.5;

/** Time limit for a pong after the machine may have slept, in milliseconds. */
const PONG_TIMEOUT = 4_000;

/** Jump of the clock that shows that the machine slept, in milliseconds. */
const SLEEP_MIN = 20_000;

/** Minimum interval between attempts after the sign-in has expired, in milliseconds. */
const SIGN_IN_INTERVAL = 5_000;

/** Close codes of the hub. */
const NOT_SIGNED_IN = 4001;
const FORBIDDEN = 4003;
const TOO_MANY_CONNECTIONS = 4009;

/** Reasons of a status, where the hub gives none. */
const SIGN_IN_REFUSED = 'the hub refuses the sign-in';
const SIGN_IN_ENDED = 'the sign-in has ended: the token has expired, or the user was signed out';

/** Result of a failure without an answer of the hub. @type {[Status, string]} */
const OFFLINE = ['offline', ''];

/**
 * Protocol that runs over a connection.
 *
 * @typedef {object} Protocol
 * @property {() => string} address  Returns the URL to connect to.
 * @property {string} welcome  Type of the first message of an accepted connection.
 * @property {() => object} [hello]  Returns the first message of the client.
 * @property {(message: any) => void} onMessage  Receives the hub's messages.
 * @property {(status: Status, reason: string) => void} onStatus
 * @property {() => Promise<void>} [poll]  Polls over HTTP while there is no connection.
 * @property {[string, string]} probe  Method and path of a request that shows why a connection is
 *   refused.
 * @property {SignIn} [signIn]
 */

/** Connection to the hub: reconnects with backoff, and polls while there is no WebSocket. */
export class Link {
  /** @type {Options} */
  #options;
  /** @type {Protocol} */
  #protocol;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Status} */
  #status = 'connecting';
  #reason = '';
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

  /**
   * @param {Options} options
   * @param {Protocol} protocol
   */
  constructor(options, protocol) {
    this.#options = options;
    this.#protocol = protocol;
    addEventListener('online', this.check);
    addEventListener('pageshow', this.check);
    document.addEventListener('visibilitychange', this.check);
    this.#clock = setInterval(() => this.#tick(), SLEEP_MIN / 4);
    this.#open();
  }

  /**
   * Sends a message if the connection is online. Returns whether it was sent.
   * @param {object} message
   */
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#status !== 'online') return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Sends a message on an open connection, before or after its first message.
   * @param {object} message
   */
  sendEarly(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  /** Reconnects with another token, without a change of status. */
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
    removeEventListener('online', this.check);
    removeEventListener('pageshow', this.check);
    document.removeEventListener('visibilitychange', this.check);
    this.#socket?.close(1000);
    this.#socket = null;
  }

  /**
   * Reconnects or checks the connection at once: the page became visible, the network is back, or
   * the machine woke up.
   */
  check = () => {
    if (document.visibilityState !== 'visible' || this.#status === 'forbidden') return;
    if (this.#status === 'unauthorized') {
      // The user may have signed in in another tab.
      if (Date.now() - this.#endedAt < SIGN_IN_INTERVAL) return;
      this.#endedAt = Date.now();
      if (this.#options.auth === 'cookie') this.#open();
      else if (this.#protocol.signIn?.mayRecover) void this.#retrySignIn(this.#reason);
    } else if (!this.#socket) this.#open();
    else if (this.send({ type: 'ping' })) {
      clearTimeout(this.#silence);
      this.#silence = setTimeout(() => this.#discard(), PONG_TIMEOUT);
    }
  };

  #tick() {
    const now = Date.now();
    const slept = now - this.#ticked > SLEEP_MIN;
    this.#ticked = now;
    if (slept) this.check();
  }

  #open() {
    clearTimeout(this.#retry);
    if (this.#closed || this.#socket) return;
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new WebSocket(this.#protocol.address(), subprotocols(this.#options));
    } catch (error) {
      console.warn('Lonceng: cannot connect', error);
      this.#set('forbidden', 'the address of the hub, or the token, is malformed');
      return;
    }
    this.#socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      if (socket === this.#socket && this.#protocol.hello)
        socket.send(JSON.stringify(this.#protocol.hello()));
    };
    socket.onmessage = (event) => {
      if (socket === this.#socket) this.#receive(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) void this.#onClose(event.code, !opened);
    };
  }

  /** @param {any} message */
  #receive(message) {
    this.#watchSilence();
    const welcome = message.type === this.#protocol.welcome;
    if (welcome) {
      this.#failures = 0;
      this.#heartbeat = message.data.heartbeat_seconds ?? 30;
      clearInterval(this.#poll);
      this.#poll = undefined;
    }
    if (message.type === 'going_away') this.#failures = 0;
    this.#protocol.onMessage(message);
    if (welcome) this.#set('online', '');
  }

  /**
   * Detects a silent connection: the browser answers pings of the hub itself and does not report
   * them.
   */
  #watchSilence() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(
      () => {
        this.send({ type: 'ping' });
        this.#silence = setTimeout(() => this.#discard(), this.#heartbeat * 500);
      },
      this.#heartbeat * (SILENT_HEARTBEATS - 0.5) * 1000,
    );
  }

  #discard() {
    const socket = this.#socket;
    void this.#onClose(1006, false);
    socket?.close();
  }

  /**
   * @param {number} code
   * @param {boolean} refused  True if the connection never opened.
   */
  async #onClose(code, refused) {
    clearTimeout(this.#silence);
    this.#socket = null;
    if (this.#closed) return;
    this.#failures += 1;
    if (code === NOT_SIGNED_IN) return this.#retrySignIn(SIGN_IN_ENDED);
    if (code === FORBIDDEN) return this.#set('forbidden', 'refused by the hub');
    const [why, reason] = refused && navigator.onLine ? await this.#findReason() : OFFLINE;
    if (this.#closed || this.#socket) return;
    if (why === 'unauthorized') return this.#retrySignIn(reason, this.#options.token);
    if (why === 'forbidden') return this.#set('forbidden', reason);
    // A first failure is often a restart or a change of network, and not reported.
    if (this.#failures > 1 || !navigator.onLine) this.#set('offline', 'no connection');
    else if (this.#status === 'online') this.#set('connecting', '');
    const { poll } = this.#protocol;
    if (poll && this.#failures > 2)
      this.#poll ??= setInterval(() => void poll().catch(() => {}), POLL_INTERVAL);
    const most = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(this.#failures, 10));
    const wait =
      code === TOO_MANY_CONNECTIONS ? BACKOFF_MAX : most / 2 + (Math.random() * most) / 2;
    this.#retry = setTimeout(() => this.#open(), wait);
  }

  /**
   * Finds out why a WebSocket was refused, which browsers do not tell. Returns the status, and what
   * the hub says about it.
   * @returns {Promise<[Status, string]>}
   */
  async #findReason() {
    const [method, path] = this.#protocol.probe;
    /** @type {[Status, string]} */
    const forbidden = [
      'forbidden',
      `the hub refuses pages of ${location.origin}; ` +
        'add the origin to server.allowed_origins of the hub',
    ];
    try {
      const response = await request(this.#options, callUrl(this.#options, path), method);
      const { status } = response;
      if (status !== 401 && status !== 403) return OFFLINE;
      // A response to HEAD has no body.
      const { detail } = await response.json().catch(() => ({}));
      if (status === 401) return ['unauthorized', detail ?? SIGN_IN_REFUSED];
      return detail ? ['forbidden', detail] : forbidden;
    } catch {
      // The hub is unreachable, or refuses this origin.
    }
    const live = new URL('/health/live', this.#options.hub || SCRIPT_ORIGIN);
    if (live.origin === location.origin) return OFFLINE;
    return fetch(live, { mode: 'no-cors', credentials: 'omit' }).then(
      () => forbidden,
      () => OFFLINE,
    );
  }

  /**
   * @param {string} reason  Reason of the refusal.
   * @param {string} [token]  Token that the hub does not accept.
   */
  async #retrySignIn(reason, token) {
    this.#endedAt = Date.now();
    const { signIn } = this.#protocol;
    if (await signIn?.refused(token)) {
      if (!this.#socket) this.#open();
      return;
    }
    if (this.#closed || this.#socket) return;
    this.#set('unauthorized', reason);
    clearTimeout(this.#retry);
    if (signIn?.mayRecover)
      this.#retry = setTimeout(() => void this.#retrySignIn(reason), SIGN_IN_INTERVAL);
  }

  /**
   * Reports a status, if it or its reason has changed.
   * @param {Status} status
   * @param {string} reason
   */
  #set(status, reason) {
    if (this.#status === status && this.#reason === reason) return;
    this.#status = status;
    this.#reason = reason;
    if (status === 'unauthorized' || status === 'forbidden')
      console.warn(`Lonceng: ${status}: ${reason}`);
    this.#protocol.onStatus(status, reason);
  }
}
