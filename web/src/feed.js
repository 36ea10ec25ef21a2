import { socketUrl } from './options.js';
import { SignIn } from './sign-in.js';
import { Link } from './link.js';
import { watchVisit } from './page-visit.js';

/** @import { Status } from './link.js' */
/** @import { Options } from './options.js' */

/** Delay before a subscription is sent again that the hub could not accept, in milliseconds. */
const RETRY_AFTER = 3_000;

/**
 * Subscription to a feed.
 *
 * @typedef {object} FeedSubscription
 * @property {string} [feed]  Name of the feed; without it, every event, for administrators.
 * @property {Record<string, string | string[]>} [filters]  Values of one key are alternatives; all
 *   keys must match.
 * @typedef {Options & FeedSubscription} FeedOptions
 */

/**
 * Message of a feed.
 *
 * @typedef {object} FeedMessage
 * @property {string} type  Type of the message, as configured.
 * @property {string} [feed]  Name of the feed.
 * @property {Record<string, unknown>} data  Fields of the event.
 * @property {string} timestamp  Time of the event, RFC 3339.
 * @property {true} [snapshot]  Set on messages of the initial state.
 */

/**
 * Live feed, for pages that display it themselves. Fires `message` (a `FeedMessage` as `detail`),
 * `change` (the status) and `error` (a refused subscription, as `detail.code` and
 * `detail.message`).
 */
export class Feed extends EventTarget {
  /** @type {Link | null} */
  #link = null;
  /** @type {Status} */
  #status = 'connecting';
  /** @type {string | undefined} */
  #feed;
  #filters;
  #options;
  #signIn;
  #closed = false;
  /** True while the page is in the back/forward cache. */
  #left = false;
  #endVisit = watchVisit(
    () => this.#leave(),
    () => this.#comeBack(),
  );

  /** @param {FeedOptions} options */
  constructor(options) {
    super();
    this.#feed = options.feed;
    this.#filters = options.filters ?? {};
    this.#options = { ...options };
    this.#signIn = new SignIn(this.#options, () => this.#link?.renew());
    void this.#start();
  }

  async #start() {
    // A public feed needs no token; the hub refuses others.
    await this.#signIn.first();
    if (this.#closed || this.#left || this.#link) return;
    const feed = this.#feed;
    this.#link = new Link(this.#options, {
      address: () => {
        const url = new URL(
          socketUrl(this.#options, null, feed ? `/ws/${encodeURIComponent(feed)}` : '/ws'),
        );
        if (!feed) url.searchParams.set('sync', 'none');
        return url.href;
      },
      welcome: 'subscribed',
      hello: () => this.#subscription(),
      onMessage: (message) => this.#onMessage(message),
      onStatus: (status) => this.#setStatus(status),
      // HEAD, because GET is the feed itself.
      probe: feed
        ? ['HEAD', `/api/v1/feeds/${encodeURIComponent(feed)}`]
        : ['GET', '/api/v1/notifications/unread-count'],
      signIn: this.#signIn,
    });
  }

  /**
   * Status of the connection.
   * @returns {Status}
   */
  get status() {
    return this.#status;
  }

  /**
   * Replaces the filters.
   * @param {Record<string, string | string[]>} filters
   */
  filter(filters) {
    this.#filters = filters;
    this.#link?.sendEarly(this.#subscription());
  }

  close() {
    this.#closed = true;
    this.#endVisit();
    this.#signIn.close();
    this.#link?.close();
  }

  /** Closes the connection: the page is left. */
  #leave() {
    this.#left = true;
    this.#link?.close();
    this.#link = null;
    this.#setStatus('connecting');
  }

  /** Connects again: the page is back from the back/forward cache. */
  #comeBack() {
    this.#left = false;
    void this.#start();
  }

  /** @param {Status} status */
  #setStatus(status) {
    if (this.#status === status) return;
    this.#status = status;
    this.dispatchEvent(new Event('change'));
  }

  #subscription() {
    return this.#feed
      ? { type: 'subscribe', feed: this.#feed, filters: this.#filters }
      : { type: 'subscribe', scope: 'all' };
  }

  /** @param {any} message */
  #onMessage(message) {
    const { type, data, timestamp } = message;
    // Replies about the connection have no timestamp.
    if (timestamp) this.dispatchEvent(new CustomEvent('message', { detail: message }));
    else if (type === 'error') {
      this.dispatchEvent(new CustomEvent('error', { detail: data }));
      // The subscription itself was valid.
      if (['unavailable', 'rate_limited'].includes(data.code))
        setTimeout(() => this.#link?.sendEarly(this.#subscription()), RETRY_AFTER);
    }
  }
}

/** Prefix of attributes that are filters. */
const FILTER = 'filter-';

/**
 * Feed element without styles: `<lonceng-feed feed="availability"
 * filter-course_id="PIANO-101,PIANO-102">`. Fires `lonceng:message` with a `FeedMessage` as
 * `detail`, and writes each field of its data into the elements inside with `data-field="NAME"`,
 * unless the event is cancelled. The attribute `status` is the status of the connection.
 */
export class LoncengFeed extends HTMLElement {
  /** @type {Feed | null} */
  #feed = null;
  #connected = '';
  // Filter attributes have arbitrary names, so `observedAttributes` cannot list them.
  #watch = new MutationObserver(() => this.#connect());

  connectedCallback() {
    this.#watch.observe(this, { attributes: true });
    this.#connect();
  }

  disconnectedCallback() {
    this.#watch.disconnect();
    this.#end();
  }

  #end() {
    this.#feed?.close();
    this.#feed = null;
    this.#connected = '';
  }

  #filters() {
    /** @type {Record<string, string[]>} */
    const filters = {};
    for (const { name, value } of this.attributes) {
      if (name.startsWith(FILTER))
        filters[name.slice(FILTER.length)] = value.split(',').map((one) => one.trim());
    }
    return filters;
  }

  /** Connects by the attributes, and again when they change. */
  #connect() {
    const of = (/** @type {string} */ name) => this.getAttribute(name) ?? undefined;
    const auth = of('auth') === 'cookie' ? /** @type {const} */ ('cookie') : undefined;
    const identity = {
      feed: of('feed'),
      hub: of('hub'),
      token: of('token'),
      auth,
      userId: of('user-id'),
      login: of('login'),
      role: of('user-role'),
    };
    const filters = this.#filters();
    const [connection, filterText] = [JSON.stringify(identity), JSON.stringify(filters)];
    if (`${connection}${filterText}` === this.#connected || !identity.feed) return;
    if (this.#feed && this.#connected.startsWith(connection)) {
      this.#feed.filter(filters);
    } else {
      this.#end();
      this.#feed = new Feed({ ...identity, filters });
      this.#feed.addEventListener('message', (event) =>
        this.#show(/** @type {CustomEvent} */ (event).detail),
      );
      this.#feed.addEventListener('change', () =>
        this.setAttribute('status', this.#feed?.status ?? 'offline'),
      );
      this.#feed.addEventListener('error', (event) => {
        const { detail } = /** @type {CustomEvent} */ (event);
        this.dispatchEvent(
          new CustomEvent('lonceng:error', { detail, bubbles: true, composed: true }),
        );
      });
    }
    this.#connected = `${connection}${filterText}`;
  }

  /** @param {any} message */
  #show(message) {
    const event = new CustomEvent('lonceng:message', {
      detail: message,
      bubbles: true,
      composed: true,
      cancelable: true,
    });
    if (!this.dispatchEvent(event)) return;
    for (const place of this.querySelectorAll('[data-field]')) {
      const name = place.getAttribute('data-field') ?? '';
      // A nested feed has its own fields.
      if (
        /** @type {Element | null} */ (place.closest('lonceng-feed')) === this &&
        name in message.data
      )
        place.textContent = String(message.data[name] ?? '');
    }
  }
}
