import { COMMON_ATTRIBUTES, HostElement } from './host-element.js';
import { LazyView } from './lazy-view.js';

/** @import { Client } from './client.js' */
/** @import { Notification } from './inbox.js' */
/** @import { PreferencesView } from './preferences-view.js' */
/** @import { View } from './view.js' */

/**
 * Returns a row of the page's own for a notification; null for the built-in one. The row is put
 * into the page beside the element's other children, so that the page's stylesheets apply.
 *
 * @typedef {(item: Notification) => HTMLElement | null} RenderItem
 */

/** Interval between updates of the relative times, in milliseconds. */
const TICK = 20_000;

/**
 * List without the bell: `<lonceng-inbox token="…">`, which fills its container. Fires
 * `lonceng:action` and `lonceng:status` as a bell does, and `lonceng:notification` on a page
 * without a bell or toasts of the same identity.
 */
export class LoncengInbox extends HostElement {
  static observedAttributes = COMMON_ATTRIBUTES;

  /** @type {RenderItem | null} */
  #renderItem = null;
  /** @type {LazyView<View>} */
  #lazy = new LazyView(this.words, {
    make: (module) =>
      new module.View({
        element: this,
        client: () => this.client,
        click: (item, leaving, choice) => this.reportClick(item, leaving, choice),
        announce: (text) => this.announcer.announce(text),
        renderItem: () => this.#renderItem,
      }),
    shadow: /** @type {ShadowRoot} */ (this.shadowRoot),
    announce: (text) => this.announcer.announce(text),
    ready: (view) => view.show(),
  });
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tick;

  constructor() {
    super();
    this.shadowRoot?.append(this.#lazy.root);
    this.#lazy.root.onkeydown = (event) => {
      const view = this.#lazy.part;
      if (event.key !== 'Escape') view?.key(event);
      else if (view?.back()) event.stopPropagation();
    };
  }

  /** Function that returns a row of the page's own for a notification, or null. */
  get renderItem() {
    return this.#renderItem;
  }

  set renderItem(renderItem) {
    this.#renderItem = renderItem;
    this.#lazy.part?.forgetRows();
    this.draw();
  }

  connectedCallback() {
    this.adoptProperties('renderItem');
    super.connectedCallback();
    void this.#lazy.load();
    this.#lazy.part?.show();
    this.#tick = setInterval(() => this.#lazy.part?.tick(), TICK);
    document.addEventListener('visibilitychange', this.#seen);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.#tick);
    document.removeEventListener('visibilitychange', this.#seen);
    this.#lazy.part?.hide();
  }

  /** @protected */
  applyWords() {
    this.#lazy.setLanguage(this.words, this.language);
  }

  /**
   * @param {Client} client
   * @param {AbortSignal} signal
   * @protected
   */
  useClient(client, signal) {
    super.useClient(client, signal);
    this.#lazy.part?.forget();
    client.addEventListener(
      'notification',
      (event) => void this.#onNotification(/** @type {CustomEvent} */ (event).detail),
      { signal },
    );
  }

  /** @protected */
  render() {
    this.#lazy.part?.render();
  }

  /** @param {Notification} item */
  async #onNotification(item) {
    this.#seen();
    if (this.peer('lonceng-bell') || this.peer('lonceng-toasts')) return;
    if (!this.fire('lonceng:notification', item) || item.quiet) return;
    if (await this.client?.claims(item.notification_id))
      this.announcer.announce(`${item.title}: ${item.message}`, item.priority === 'HIGH');
  }

  #seen = () => {
    if (this.#lazy.part && document.visibilityState === 'visible') this.client?.markAllSeen();
  };
}

/**
 * Settings of the user alone: `<lonceng-preferences token="…">`.
 */
export class LoncengPreferences extends HostElement {
  static observedAttributes = COMMON_ATTRIBUTES;

  /** @type {LazyView<PreferencesView>} */
  #lazy = new LazyView(this.words, {
    make: (module) =>
      new module.PreferencesView({
        client: () => this.client,
        announce: (text) => this.announcer.announce(text),
      }),
    shadow: /** @type {ShadowRoot} */ (this.shadowRoot),
    announce: (text) => this.announcer.announce(text),
    ready: (view) => view.render(),
  });

  constructor() {
    super();
    this.shadowRoot?.append(this.#lazy.root);
  }

  connectedCallback() {
    super.connectedCallback();
    void this.#lazy.load();
  }

  /** @protected */
  applyWords() {
    this.#lazy.setLanguage(this.words, this.language);
  }

  /**
   * @param {Client} client
   * @param {AbortSignal} signal
   * @protected
   */
  useClient(client, signal) {
    super.useClient(client, signal);
    this.#lazy.part?.forget();
  }

  /** @protected */
  render() {
    this.#lazy.part?.render();
  }
}
