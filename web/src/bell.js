import { ToastingElement } from './toasting-element.js';
import { filled } from './messages.js';
import { element, icon } from './icons.js';
import { loadInbox, loadInboxWhenIdle } from './lazy-view.js';
import { PageBadge, badgeText } from './page-badge.js';
import { Panel } from './panel.js';

/** @import { Client } from './client.js' */
/** @import { RenderItem } from './inbox-elements.js' */

/**
 * Bell element: `<lonceng-bell token="…" hub="…" lang="id" theme="dark" badge="unseen" sound
 * desktop placement="bottom-start" toast-position="top-end" max-toasts="3" title-badge
 * favicon-badge app-badge>`; `auth="cookie"` instead of `token`. Fires `lonceng:notification` for
 * each notification that is new, back from a snooze, or grown by another event of its group, and
 * `lonceng:action` when one is clicked, before its link is followed. Both have the notification as
 * `detail`, and pages that display or navigate by themselves can cancel them; `lonceng:action` has
 * the index of the chosen `action`, if any, and the `url` that is followed. Fires `lonceng:status`
 * when the connection changes, with `detail.status` and `detail.reason`. All events bubble.
 */
export class LoncengBell extends ToastingElement {
  static observedAttributes = [
    ...ToastingElement.observedAttributes,
    'badge',
    'placement',
    'title-badge',
    'favicon-badge',
    'app-badge',
  ];

  #bell = element('button', 'bell');
  #badge = element('span', 'badge');
  #pageBadge = new PageBadge();
  /** @type {RenderItem | null} */
  #renderItem = null;
  #panel = new Panel(this.words, this.#bell, {
    element: this,
    shadow: /** @type {ShadowRoot} */ (this.shadowRoot),
    client: () => this.client,
    click: (item, leaving, choice) => this.reportClick(item, leaving, choice),
    shut: () => this.#shut(),
    announce: (text) => this.announcer.announce(text),
    renderItem: () => this.#renderItem,
  });
  #tabbed = false;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #tick;

  constructor() {
    super();
    this.#bell.type = 'button';
    this.#bell.append(icon('bell'), this.#badge);
    this.#bell.ariaHasPopup = 'dialog';
    this.#bell.ariaExpanded = 'false';
    this.#badge.hidden = true;
    this.#badge.ariaHidden = 'true';
    this.#bell.onclick = () => (this.#panel.isOpen ? this.#shut() : this.open());
    this.#bell.onpointerenter = this.#bell.onfocus = () => void loadInbox().catch(() => {});
    this.shadowRoot?.prepend(this.#bell, this.#panel.root);
    this.addEventListener('keydown', (event) => (this.#tabbed = event.key === 'Tab'));
    this.addEventListener('pointerdown', () => (this.#tabbed = false));
    this.addEventListener('focusout', ({ relatedTarget }) => {
      // Focus moves inside the shadow root do not fire here; moves to and from the page's own rows,
      // which are children of the bell, do.
      const stays = this.contains(/** @type {Node | null} */ (relatedTarget));
      if (this.#tabbed && this.#panel.isOpen && !stays) this.close();
    });
  }

  /** Function that returns a row of the page's own for a notification, or null. */
  get renderItem() {
    return this.#renderItem;
  }

  set renderItem(renderItem) {
    this.#renderItem = renderItem;
    this.#panel.view?.forgetRows();
    this.draw();
  }

  connectedCallback() {
    this.adoptProperties('renderItem');
    super.connectedCallback();
    document.addEventListener('pointerdown', this.#outside);
    this.#tick = setInterval(() => this.#panel.view?.tick(), 20_000);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener('pointerdown', this.#outside);
    clearInterval(this.#tick);
    this.#pageBadge.show(0, { title: false, favicon: false, app: false });
    this.close();
  }

  /** Opens the panel. */
  open() {
    super.open();
    this.#bell.ariaExpanded = 'true';
    if (!this.#panel.isOpen) this.#panel.open();
  }

  /** Closes the panel. */
  close() {
    this.#panel.close();
    this.#bell.ariaExpanded = 'false';
  }

  /** @protected */
  get yields() {
    return Boolean(this.peer('lonceng-toasts'));
  }

  /** @protected */
  get isListed() {
    return this.#panel.isOpen;
  }

  /** @protected */
  ring() {
    this.#bell.classList.remove('ringing');
    void this.#bell.offsetWidth; // Restarts the animation.
    this.#bell.classList.add('ringing');
    // The toast is there at once, and a badge must not say less than it.
    this.#renderBadge();
  }

  /** @protected */
  applyAttributes() {
    super.applyAttributes();
    this.#panel.placement = this.getAttribute('placement');
    this.draw();
  }

  /** @protected */
  applyWords() {
    super.applyWords();
    this.#panel.setLanguage(this.words, this.language);
  }

  /**
   * @param {Client} client
   * @param {AbortSignal} signal
   * @protected
   */
  useClient(client, signal) {
    super.useClient(client, signal);
    this.#panel.view?.forget();
  }

  /** @protected */
  render() {
    super.render();
    this.#renderBadge();
    this.#panel.view?.render();
    if (this.client && this.client.status !== 'connecting') loadInboxWhenIdle();
  }

  #renderBadge() {
    const { client } = this;
    const unseen = this.getAttribute('badge') === 'unseen';
    const count = (client?.mayShow && (unseen ? client.unseen : client.unread)) || 0;
    this.#badge.hidden = count === 0;
    this.#badge.textContent = badgeText(count);
    const text = unseen ? this.words.bellUnseen : this.words.bellUnread;
    this.#bell.ariaLabel = count ? filled(text, { n: count }) : this.words.bell;
    if (!this.isConnected) return;
    this.#pageBadge.show(count, {
      title: this.hasAttribute('title-badge'),
      favicon: this.hasAttribute('favicon-badge'),
      app: this.hasAttribute('app-badge'),
    });
  }

  #shut() {
    this.close();
    this.#bell.focus();
  }

  /** @param {Event} event */
  #outside = (event) => {
    if (this.#panel.isOpen && !event.composedPath().includes(this)) this.close();
  };
}
