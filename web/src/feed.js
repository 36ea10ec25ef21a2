import { socketUrl } from './options.js';
import { SignIn } from './sign-in.js';
import { Link } from './link.js';

/** @typedef {import('./link.js').Status} Status */

/** When the hub cannot take a wish now, it is said again after so many milliseconds. */
const WISH_AGAIN_AFTER = 3_000;

/**
 * What to watch.
 *
 * @typedef {object} FeedWish
 * @property {string} [feed]                                  The feed's name; without one it is every event, for administrators.
 * @property {Record<string, string | string[]>} [filters]    Values of one key are alternatives, several keys must all match.
 *
 * @typedef {import('./options.js').Options & FeedWish} FeedOptions
 */

/**
 * A live feed, for those who draw it themselves: `message` for what happens (the message as `detail`), `change` for the status,
 * `error` for what the hub did not take (`detail.code`, `detail.message`).
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

  /** @param {FeedOptions} options */
  constructor(options) {
    super();
    this.#feed = options.feed;
    this.#filters = options.filters ?? {};
    this.#options = { ...options };
    this.#signIn = new SignIn(this.#options, () => this.#link?.renew());
    void this.#begin();
  }

  async #begin() {
    // A feed may be public: without a token, the hub says whether it is.
    await this.#signIn.first();
    if (this.#closed) return;
    const feed = this.#feed;
    this.#link = new Link(this.#options, {
      address: () => {
        const url = new URL(socketUrl(this.#options, null, feed ? `/ws/${encodeURIComponent(feed)}` : '/ws'));
        if (!feed) url.searchParams.set('sync', 'none');
        return url.href;
      },
      welcome: 'subscribed',
      hello: () => this.#wish(),
      take: (message) => this.#take(message),
      become: (status) => {
        this.#status = status;
        this.dispatchEvent(new Event('change'));
      },
      // Without a body: the answer to GET is the feed itself.
      probe: feed ? ['HEAD', `/api/v1/feeds/${encodeURIComponent(feed)}`] : ['GET', '/api/v1/notifications/unread-count'],
      signIn: this.#signIn,
    });
  }

  /** How the connection is. @returns {Status} */
  get status() {
    return this.#status;
  }

  /** Watches something else of the feed from now on. @param {Record<string, string | string[]>} filters */
  filter(filters) {
    this.#filters = filters;
    this.#link?.say(this.#wish());
  }

  close() {
    this.#closed = true;
    this.#signIn.close();
    this.#link?.close();
  }

  #wish() {
    return this.#feed
      ? { type: 'subscribe', feed: this.#feed, filters: this.#filters }
      : { type: 'subscribe', scope: 'all' };
  }

  /** @param {any} message */
  #take(message) {
    const { type, data, timestamp } = message;
    // What is said about the connection has no time of its own.
    if (timestamp) this.dispatchEvent(new CustomEvent('message', { detail: message }));
    else if (type === 'error') {
      this.dispatchEvent(new CustomEvent('error', { detail: data }));
      // It was no fault of the wish.
      if (['unavailable', 'rate_limited'].includes(data.code)) setTimeout(() => this.#link?.say(this.#wish()), WISH_AGAIN_AFTER);
    }
  }
}

/** What an attribute's name begins with that is a filter. */
const FILTER = 'filter-';

/**
 * A live feed in a page, without looks of its own: `<lonceng-feed feed="availability" filter-course_id="PIANO-101">`.
 *
 * Several values stand apart by commas. What happens is a `lonceng:message` event, and is shown by whatever inside says
 * `data-field="slots_remaining"`. The attribute `status` says how the connection is.
 */
export class LoncengFeed extends HTMLElement {
  /** @type {Feed | null} */
  #feed = null;
  #where = '';
  // Which attributes are filters is not known beforehand, so the browser cannot be told to watch them by name.
  #watch = new MutationObserver(() => this.#follow());

  connectedCallback() {
    this.#watch.observe(this, { attributes: true });
    this.#follow();
  }

  disconnectedCallback() {
    this.#watch.disconnect();
    this.#end();
  }

  #end() {
    this.#feed?.close();
    this.#feed = null;
    this.#where = '';
  }

  #filters() {
    /** @type {Record<string, string[]>} */
    const filters = {};
    for (const { name, value } of this.attributes) {
      if (name.startsWith(FILTER)) filters[name.slice(FILTER.length)] = value.split(',').map((one) => one.trim());
    }
    return filters;
  }

  /** Connects as the attributes say; again when they say something else. */
  #follow() {
    const of = (/** @type {string} */ name) => this.getAttribute(name) ?? undefined;
    const auth = of('auth') === 'cookie' ? /** @type {const} */ ('cookie') : undefined;
    const who = { feed: of('feed'), hub: of('hub'), token: of('token'), auth, userId: of('user-id'), login: of('login'), role: of('user-role') };
    const filters = this.#filters();
    const [where, what] = [JSON.stringify(who), JSON.stringify(filters)];
    if (`${where}${what}` === this.#where || !who.feed) return;
    if (this.#feed && this.#where.startsWith(where)) {
      this.#feed.filter(filters);
    } else {
      this.#end();
      this.#feed = new Feed({ ...who, filters });
      this.#feed.addEventListener('message', (event) => this.#show(/** @type {CustomEvent} */ (event).detail));
      this.#feed.addEventListener('change', () => this.setAttribute('status', this.#feed?.status ?? 'offline'));
      this.#feed.addEventListener('error', (event) => {
        const { detail } = /** @type {CustomEvent} */ (event);
        this.dispatchEvent(new CustomEvent('lonceng:error', { detail, bubbles: true, composed: true }));
      });
    }
    this.#where = `${where}${what}`;
  }

  /** @param {any} message */
  #show(message) {
    const said = new CustomEvent('lonceng:message', { detail: message, bubbles: true, composed: true, cancelable: true });
    if (!this.dispatchEvent(said)) return;
    for (const place of this.querySelectorAll('[data-field]')) {
      const name = place.getAttribute('data-field') ?? '';
      // A feed within this one has fields of its own.
      if (place.closest('lonceng-feed') === this && name in message.data) place.textContent = String(message.data[name] ?? '');
    }
  }
}
