import { Client } from './client.js';
import { shareName } from './options.js';
import { counted, filled, words } from './messages.js';
import { styles } from './styles.js';
import { element, icon } from './icons.js';
import { Announcer } from './announcer.js';
import { Toasts } from './toasts.js';
import { Panel } from './panel.js';
import { chime, here, showOnDesktop } from './settings.js';

/** @import { Notification } from './inbox.js' */
/** @import { Words } from './messages.js' */
/** @import { Options } from './options.js' */

/** Attributes with the address of the hub and the identity. */
const IDENTITY_ATTRIBUTES = ['hub', 'token', 'auth', 'user-id', 'login', 'user-role'];

/** Default number of toasts shown at once. */
const TOASTS_MAX = 3;

/** Delay before the console warning about a bell without an identity, in milliseconds. */
const WARN_DELAY = 1_000;

/**
 * Bell element: `<lonceng-bell token="…" hub="…" lang="id" theme="dark" badge="unseen" sound
 * desktop placement="bottom-start" toast-position="top-end" max-toasts="3">`; `auth="cookie"`
 * instead of `token`. Fires `lonceng:notification` for each notification that is new,
 * back from a snooze, or grown by another event of its group, and `lonceng:action`
 * when one is clicked, before its link is followed. Both have the notification as `detail`, and
 * pages that display or navigate by themselves can cancel them. Fires `lonceng:status` when the
 * connection changes, with `detail.status` and `detail.reason`. All events bubble.
 */
export class LoncengBell extends HTMLElement {
  static observedAttributes = [
    ...IDENTITY_ATTRIBUTES,
    'lang',
    'theme',
    'badge',
    'placement',
    'toast-position',
    'max-toasts',
  ];

  /** @type {Client | null} */
  #client = null;
  #words = words('en');
  /** @type {Words | null} */
  #dictionary = null;
  #bell = element('button', 'bell');
  #badge = element('span', 'badge');
  #announcer = new Announcer();
  #toastBox = element('div', 'toasts');
  #toasts = new Toasts(
    this.#toastBox,
    this.#words,
    (item, leaving) => this.#click(item, leaving),
    () => this.open(),
  );
  #panel = new Panel(this.#words, this.#bell, {
    client: () => this.#client,
    click: (item, leaving) => this.#click(item, leaving),
    shut: () => this.#shut(),
    announce: (text) => this.#announcer.announce(text),
  });
  /** @type {(() => Promise<string>) | undefined} */
  #getToken;
  #status = '';
  #tabbed = false;
  #connectSoon = false;
  /**
   * Name that the user's tabs share; `null` if they do not share a connection.
   * @type {string | null}
   */
  #shareName = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #warning;
  #drawSoon = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tick;
  #dark = matchMedia('(prefers-color-scheme: dark)');

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.adoptedStyleSheets = [styles()];
    this.#bell.type = 'button';
    this.#bell.append(icon('bell'), this.#badge);
    this.#bell.ariaHasPopup = 'dialog';
    this.#bell.ariaExpanded = 'false';
    this.#badge.hidden = true;
    this.#badge.ariaHidden = 'true';
    this.#bell.onclick = () => (this.#panel.isOpen ? this.#shut() : this.open());
    root.append(
      this.#bell,
      this.#panel.root,
      this.#toastBox,
      this.#announcer.polite,
      this.#announcer.urgent,
    );
    this.addEventListener('keydown', (event) => (this.#tabbed = event.key === 'Tab'));
    this.addEventListener('pointerdown', () => (this.#tabbed = false));
    this.addEventListener('focusout', () => {
      // Focus moves inside the shadow root do not fire here, so the focus has left the bell.
      if (this.#tabbed && this.#panel.isOpen) this.close();
    });
  }

  /** Live inbox, for pages that need more than the bell shows. */
  get client() {
    return this.#client;
  }

  /**
   * Function that returns a token for the user of the page. Called before the first connection,
   * before a token expires, and when one is refused.
   */
  get getToken() {
    return this.#getToken;
  }

  set getToken(getToken) {
    this.#getToken = getToken;
    if (this.isConnected) this.#connect();
  }

  /** Texts that replace the built-in ones, or add a language. */
  get dictionary() {
    return this.#dictionary;
  }

  set dictionary(own) {
    this.#dictionary = own;
    this.#applyLanguage();
  }

  connectedCallback() {
    this.#adoptProperties();
    this.#applyLanguage();
    this.#theme();
    this.#applyPlacement();
    this.#dark.addEventListener('change', this.#theme);
    document.addEventListener('pointerdown', this.#outside);
    navigator.serviceWorker?.addEventListener('message', this.#onWorker);
    this.#tick = setInterval(() => this.#panel.tick(), 20_000);
    this.#connect();
  }

  disconnectedCallback() {
    this.#dark.removeEventListener('change', this.#theme);
    document.removeEventListener('pointerdown', this.#outside);
    navigator.serviceWorker?.removeEventListener('message', this.#onWorker);
    clearInterval(this.#tick);
    clearTimeout(this.#warning);
    this.#client?.close();
    this.#client = null;
    this.#status = '';
    this.#toasts.clear();
    this.close();
  }

  /**
   * @param {string} name
   * @param {string | null} before
   * @param {string | null} after
   */
  attributeChangedCallback(name, before, after) {
    if (before === after || !this.isConnected) return;
    if (name === 'lang') this.#applyLanguage();
    else if (name === 'theme') this.#theme();
    else if (name === 'badge') this.#draw();
    else if (IDENTITY_ATTRIBUTES.includes(name)) this.#connect();
    else this.#applyPlacement();
  }

  /** Adopts properties that were set before the element was defined: they hide the accessors. */
  #adoptProperties() {
    for (const name of /** @type {const} */ (['getToken', 'dictionary'])) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete this[name];
      // @ts-expect-error: both have the type of their own property.
      this[name] = value;
    }
  }

  /** Applies the placement attributes. */
  #applyPlacement() {
    this.#panel.placement = this.getAttribute('placement');
    this.#toastBox.dataset.position = this.getAttribute('toast-position') ?? '';
    const most = Number.parseInt(this.getAttribute('max-toasts') ?? '', 10);
    this.#toasts.most = most >= 0 ? most : TOASTS_MAX;
  }

  /** Opens the panel. */
  open() {
    this.#bell.ariaExpanded = 'true';
    // The list shows the same notifications, and toasts would cover it.
    this.#toasts.clear();
    if (!this.#panel.isOpen) this.#panel.open();
  }

  /** Closes the panel. */
  close() {
    this.#panel.close();
    this.#bell.ariaExpanded = 'false';
  }

  /** Connects once after a series of attribute changes. */
  #connect() {
    if (this.#connectSoon) return;
    this.#connectSoon = true;
    queueMicrotask(() => {
      this.#connectSoon = false;
      if (!this.isConnected) return;
      const of = (/** @type {string} */ name) => this.getAttribute(name) || undefined;
      /** @type {Options} */
      const options = {
        hub: of('hub'),
        token: of('token'),
        userId: of('user-id'),
        login: of('login'),
        role: of('user-role'),
        getToken: this.#getToken,
        auth: of('auth') === 'cookie' ? 'cookie' : undefined,
      };
      // Another token of the same user keeps the inbox.
      const same = shareName(options);
      if (options.token && this.#client?.mayShow && same && same === this.#shareName) {
        this.#client.useToken(options.token);
        return;
      }
      this.#shareName = same;
      this.#client?.close();
      this.#panel.forget();
      this.#toasts.clear();
      const client = new Client(options);
      client.addEventListener('change', () => {
        this.#reportStatus();
        this.#draw();
      });
      client.addEventListener('notification', (event) =>
        this.#ring(/** @type {CustomEvent} */ (event).detail),
      );
      client.addEventListener('summary', (event) =>
        this.#showSummary(/** @type {CustomEvent} */ (event).detail.count),
      );
      this.#client = client;
      this.#reportStatus();
      this.#draw();
      clearTimeout(this.#warning);
      if (!client.signIn.isMissing) return;
      this.#warning = setTimeout(() => {
        console.warn(
          'Lonceng: <lonceng-bell> has no identity; ' +
            'set the attribute token, the property getToken, or auth="cookie"',
        );
      }, WARN_DELAY);
    });
  }

  /** Fires `lonceng:status` if the status has changed. */
  #reportStatus() {
    const { status, reason } = /** @type {Client} */ (this.#client);
    if (status === this.#status) return;
    this.#status = status;
    this.dispatchEvent(
      new CustomEvent('lonceng:status', {
        detail: { status, reason },
        bubbles: true,
        composed: true,
      }),
    );
  }

  /** Draws once after a series of changes. */
  #draw() {
    if (this.#drawSoon) return;
    this.#drawSoon = true;
    const now = () => {
      if (!this.#drawSoon) return;
      this.#drawSoon = false;
      this.#render();
    };
    requestAnimationFrame(now);
    // Hidden tabs get no animation frames, but their badge must be right.
    setTimeout(now, 100);
  }

  /** @param {Notification} item */
  #ring(item) {
    const fresh = new CustomEvent('lonceng:notification', {
      detail: item,
      bubbles: true,
      composed: true,
      cancelable: true,
    });
    if (!this.dispatchEvent(fresh) || item.quiet) return;
    this.#bell.classList.remove('ringing');
    void this.#bell.offsetWidth; // Restarts the animation.
    this.#bell.classList.add('ringing');
    // The toast is there at once, and a badge must not say less than it.
    this.#renderBadge();
    if (!this.#panel.isOpen) this.#toasts.show(item);
    else if (document.visibilityState === 'visible') this.#client?.markAllSeen();
    void this.#sound(item);
  }

  /**
   * Announces a notification and plays a sound, in one tab only.
   * @param {Notification} item
   */
  async #sound(item) {
    if (!(await this.#client?.claims(item.notification_id))) return;
    this.#announcer.announce(`${item.title}: ${item.message}`, item.priority === 'HIGH');
    if (here().sound ?? this.hasAttribute('sound')) chime(item.priority === 'HIGH');
    const wanted = here().desktop ?? this.hasAttribute('desktop');
    if (wanted && document.visibilityState !== 'visible') showOnDesktop(item);
  }

  /** @param {number} count */
  #showSummary(count) {
    if (!this.#panel.isOpen) this.#toasts.count(count);
    this.#announcer.announce(counted(this.#words, 'more', count));
  }

  /**
   * Reports a click. Returns false if the page cancels following the link.
   * @param {Notification} item
   * @param {boolean} leaving  True if following the link leaves the page.
   */
  #click(item, leaving) {
    const action = new CustomEvent('lonceng:action', {
      detail: item,
      bubbles: true,
      composed: true,
      cancelable: true,
    });
    const follow = this.dispatchEvent(action);
    this.#client?.clicked(item.notification_id, leaving && follow);
    return follow;
  }

  #renderBadge() {
    const client = this.#client;
    const unseen = this.getAttribute('badge') === 'unseen';
    const count = (client?.mayShow && (unseen ? client.unseen : client.unread)) || 0;
    this.#badge.hidden = count === 0;
    this.#badge.textContent = count > 99 ? '99+' : String(count);
    const text = unseen ? this.#words.bellUnseen : this.#words.bellUnread;
    this.#bell.ariaLabel = count ? filled(text, { n: count }) : this.#words.bell;
  }

  #render() {
    this.#renderBadge();
    for (const id of this.#toasts.shown) {
      const item = this.#client?.items.find((one) => one.notification_id === id);
      if (item?.status !== 'unread') this.#toasts.forget(id);
    }
    this.#panel.render();
  }

  #shut() {
    this.close();
    this.#bell.focus();
  }

  /** @param {Event} event */
  #outside = (event) => {
    if (this.#panel.isOpen && !event.composedPath().includes(this)) this.close();
  };

  /**
   * Records a click on a notification that the service worker has shown, in one tab only.
   * @param {MessageEvent} event
   */
  #onWorker = async ({ data }) => {
    if (data?.type !== 'lonceng.clicked') return;
    const id = data.notification_id;
    if (await this.#client?.claims(`clicked ${id}`)) this.#client?.clicked(id);
  };

  #language() {
    const near = /** @type {HTMLElement | null} */ (this.closest('[lang]'));
    return this.lang || near?.lang || navigator.language || 'en';
  }

  #applyLanguage() {
    const language = this.#language();
    this.#words = words(language, this.#dictionary);
    this.#toasts.words = this.#words;
    this.#panel.setLanguage(this.#words, language);
    this.#draw();
  }

  #theme = () => {
    const wanted = this.getAttribute('theme');
    const dark = wanted === 'dark' || (wanted !== 'light' && this.#dark.matches);
    this.dataset.theme = dark ? 'dark' : 'light';
  };
}
