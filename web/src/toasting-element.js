import { COMMON_ATTRIBUTES, HostElement } from './host-element.js';
import { counted } from './messages.js';
import { element } from './icons.js';
import { Toasts } from './toasts.js';
import { chime, here, showOnDesktop } from './browser-settings.js';
import { reportWorkerClicks } from './worker-clicks.js';

/** @import { Client } from './client.js' */
/** @import { Notification } from './inbox.js' */

/** Default number of toasts shown at once. */
const TOASTS_MAX = 3;

/** Element that shows, announces and sounds new notifications. */
export class ToastingElement extends HostElement {
  static observedAttributes = [...COMMON_ATTRIBUTES, 'toast-position', 'max-toasts'];

  #box = element('div', 'toasts');
  /** @protected */
  toasts = new Toasts(this.#box, this.words, {
    click: (item, leaving, choice) => this.reportClick(item, leaving, choice),
    open: () => this.open(),
  });

  constructor() {
    super();
    this.shadowRoot?.append(this.#box);
  }

  connectedCallback() {
    super.connectedCallback();
    this.applyAttributes();
    navigator.serviceWorker?.addEventListener('message', this.#onWorker);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    navigator.serviceWorker?.removeEventListener('message', this.#onWorker);
    this.toasts.clear();
  }

  /** Opens the list. */
  open() {
    // The list shows the same notifications, and toasts would cover it.
    this.toasts.clear();
  }

  /** True if another element shows the new notifications of the same inbox. @protected */
  get yields() {
    return false;
  }

  /** True if the list is shown, which makes toasts superfluous. @protected */
  get isListed() {
    return false;
  }

  /** Called before a new notification is shown. @protected */
  ring() {}

  /** @protected */
  applyAttributes() {
    this.#box.dataset.position = this.getAttribute('toast-position') ?? '';
    const most = Number.parseInt(this.getAttribute('max-toasts') ?? '', 10);
    this.toasts.most = most >= 0 ? most : TOASTS_MAX;
  }

  /** @protected */
  applyWords() {
    this.toasts.words = this.words;
  }

  /**
   * @param {Client} client
   * @param {AbortSignal} signal
   * @protected
   */
  useClient(client, signal) {
    super.useClient(client, signal);
    this.toasts.clear();
    client.addEventListener(
      'notification',
      (event) => this.#onNotification(/** @type {CustomEvent} */ (event).detail),
      { signal },
    );
    client.addEventListener(
      'summary',
      (event) => this.#onSummary(/** @type {CustomEvent} */ (event).detail.count),
      { signal },
    );
    let reported = false;
    const report = () => {
      if (reported || client.status !== 'online') return;
      reported = true;
      void reportWorkerClicks(client);
    };
    client.addEventListener('change', report, { signal });
    report();
  }

  /** Removes the toasts of notifications that are no longer unread. @protected */
  render() {
    for (const id of this.toasts.shown) {
      const item = this.client?.items.find((one) => one.notification_id === id);
      if (item?.status !== 'unread') this.toasts.forget(id);
    }
  }

  /** @param {Notification} item */
  #onNotification(item) {
    if (this.yields) {
      if (!item.quiet) this.ring();
      return;
    }
    if (!this.fire('lonceng:notification', item) || item.quiet) return;
    this.ring();
    if (!this.isListed) this.toasts.show(item);
    else if (document.visibilityState === 'visible') this.client?.markAllSeen();
    void this.#sound(item);
  }

  /**
   * Announces a notification and plays a sound, in one tab only.
   * @param {Notification} item
   */
  async #sound(item) {
    if (!(await this.client?.claims(item.notification_id))) return;
    this.announcer.announce(`${item.title}: ${item.message}`, item.priority === 'HIGH');
    if (here().sound ?? this.hasAttribute('sound')) chime(item.priority === 'HIGH');
    const wanted = here().desktop ?? this.hasAttribute('desktop');
    if (wanted && document.visibilityState !== 'visible') showOnDesktop(item);
  }

  /** @param {number} count */
  #onSummary(count) {
    if (this.yields) return;
    if (!this.isListed) this.toasts.count(count);
    this.announcer.announce(counted(this.words, 'more', count));
  }

  /**
   * Reports a click on a notification that the service worker has shown.
   * @param {MessageEvent} event
   */
  #onWorker = ({ data }) => {
    if (data?.type !== 'lonceng.clicked' || this.client?.status !== 'online') return;
    void reportWorkerClicks(this.client);
  };
}

/**
 * Toasts without a bell: `<lonceng-toasts token="…" toast-position="top-end" max-toasts="3">`. On a
 * page with a bell of the same identity, this element shows the toasts in the bell's place, and
 * fires its `lonceng:notification`. The line that counts the rest fires `lonceng:open`, and opens
 * that bell.
 */
export class LoncengToasts extends ToastingElement {
  open() {
    super.open();
    if (this.fire('lonceng:open', null)) this.peer('lonceng-bell')?.open();
  }
}
