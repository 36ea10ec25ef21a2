import { button, element, icon } from './icons.js';
import { emptyList } from './empty-list.js';
import { Filters } from './filters.js';
import { KeysHelp } from './keys-help.js';
import { List } from './list.js';
import { Pager } from './pager.js';
import { RowActions } from './row-actions.js';
import { Settings } from './settings.js';
import { statusText } from './status-text.js';

/** @import { Client } from './client.js' */
/** @import { Choice } from './host-element.js' */
/** @import { RenderItem } from './inbox-elements.js' */
/** @import { Notification } from './inbox.js' */
/** @import { Status } from './link.js' */
/** @import { Words } from './messages.js' */

/** Distance from the end of the list at which the next page is loaded, in CSS pixels. */
const NEAR_END = 300;

/** Time after a gesture during which the end of the list loads the next page, in milliseconds. */
const GESTURE = 1_000;

/**
 * Interface from the view to its element.
 *
 * @typedef {object} ViewHost
 * @property {HTMLElement} element
 * @property {() => Client | null} client
 * @property {(item: Notification, leaving: boolean, choice?: Choice) => boolean} click  Reports a
 *   click. Returns false to stay on the page.
 * @property {(text: string) => void} announce  Announces a text to screen readers.
 * @property {() => void} [shut]  Closes the view, where that is possible.
 * @property {() => RenderItem | null} renderItem
 */

/** View of an inbox: filters, list and settings. */
export class View {
  root = element('div', 'view');
  /** @type {Words} */
  #words = {};
  #host;
  #heading = element('h2', 'heading');
  #markAll = button('quiet', '', () => void this.#actions.readAll());
  #gear = button('gear', '', () => this.#toggleSettings());
  #close = button('close', '', () => this.#host.shut?.());
  #banner = element('div', 'banner');
  #body = element('div', 'body');
  #older = button('quiet older', '', () => void this.#load());
  #filters = new Filters(() => this.#onFilter());
  #help = new KeysHelp(() => this.#toggleHelp());
  #pager = new Pager();
  /** @type {RowActions} */
  #actions;
  /** @type {List} */
  #list;
  #settings = new Settings((result) => this.#actions.show(result));
  #shown = false;
  #blocked = false;
  #wasOnline = false;
  /** Generation of the inbox that the pages belong to. */
  #generation = 0;
  #nearEnd = false;
  #gestureAt = -Infinity;
  #end = new IntersectionObserver((entries) => this.#onEnd(entries.at(-1)?.isIntersecting), {
    root: this.#body,
    rootMargin: `${NEAR_END}px`,
  });

  /** @param {ViewHost} of */
  constructor(of) {
    this.#host = of;
    this.#actions = new RowActions({
      client: of.client,
      announce: of.announce,
      focus: () => this.#focus(),
    });
    const { mark, snooze, mute, muteName } = this.#actions;
    this.#list = new List({
      mark: mark.bind(this.#actions),
      snooze: snooze.bind(this.#actions),
      mute: (item) => void mute.call(this.#actions, item),
      muteName: muteName.bind(this.#actions),
      click: of.click,
      redraw: () => this.render(),
      custom: (item) => this.#customRow(item),
    });
    this.#gear.append(icon('gear'));
    this.#gear.ariaExpanded = 'false';
    this.#close.append(icon('cross'));
    const head = element('div', 'head');
    head.append(this.#heading, this.#markAll, this.#gear);
    if (of.shut) head.append(this.#close);
    this.#body.role = 'tabpanel';
    this.#body.id = 'tabpanel';
    this.#body.append(this.#list.root, this.#older);
    this.#banner.hidden = this.#older.hidden = this.#settings.root.hidden = true;
    this.root.append(
      head,
      this.#filters.root,
      this.#banner,
      this.#body,
      this.#help.root,
      this.#settings.root,
      this.#actions.bar.root,
    );
    this.#end.observe(this.#older);
    for (const name of ['wheel', 'touchmove', 'pointerdown'])
      this.#body.addEventListener(name, (event) => this.#onGesture(event), { passive: true });
  }

  /** Shows the view with the first page of the list. */
  show() {
    this.#shown = true;
    this.render();
    this.#refresh();
  }

  /** Hides the view. */
  hide() {
    this.#shown = false;
    if (!this.#settings.root.hidden) this.#toggleSettings();
    if (!this.#help.root.hidden) this.#toggleHelp();
    this.#actions.bar.hide();
  }

  /** Clears the view for another inbox, or one that has started over. */
  forget() {
    this.#generation = this.#host.client()?.generation ?? 0;
    if (!this.#settings.root.hidden) this.#toggleSettings();
    this.#settings.forget();
    this.#actions.bar.hide();
    this.#pager.forget();
    this.#actions.types = new Map();
    this.#filters.setCategories([]);
    this.#wasOnline = false;
    this.#list.forget();
  }

  /** Renders all rows again. */
  forgetRows() {
    this.#list.forget();
    this.render();
  }

  /** Updates the relative times. */
  tick() {
    if (this.#shown) this.#list.tick();
  }

  /**
   * Changes the language.
   * @param {Words} words
   * @param {string} language
   */
  setLanguage(words, language) {
    this.#words = this.#list.words = this.#actions.words = words;
    this.#list.language = this.#actions.language = language;
    this.#list.forget();
    this.#heading.textContent = words.title;
    this.#markAll.textContent = words.markAll;
    this.#older.textContent = words.older;
    this.#gear.ariaLabel = words.settings;
    this.#close.ariaLabel = words.close;
    this.#filters.setWords(words);
    this.#help.setWords(words);
    this.#body.ariaLabel = this.#filters.name;
    this.render();
  }

  /** Renders what has changed. */
  render() {
    const client = this.#host.client();
    if (client && client.generation !== this.#generation) this.forget();
    const online = client?.status === 'online';
    // Failures from before the reconnect no longer count.
    if (online && !this.#wasOnline) this.#pager.failed = false;
    const back = online && !this.#wasOnline;
    this.#wasOnline = online;
    this.#markAll.disabled = !client?.mayShow || client.unread === 0;
    this.#gear.disabled = !online;
    this.#block(Boolean(client && !client.mayShow));
    this.#drawBanner(client?.status ?? 'connecting');
    if (!this.#shown) return;
    const filter = this.#filters.value;
    const items = client?.mayShow ? client.matching(filter) : [];
    this.#offerCategories();
    this.#list.show(items, this.#empty(online), !filter.category);
    this.#removeCustomRows();
    this.#older.hidden = !online || !this.#pager.hasMore(filter);
    if (back) this.#refresh();
  }

  /**
   * Handles Escape. Returns false if there is nothing to go back from.
   */
  back() {
    if (!this.#help.root.hidden) this.#toggleHelp();
    else if (!this.#settings.root.hidden) this.#toggleSettings();
    else if (this.#filters.isSearching) {
      this.#filters.closeSearch();
      this.#focus();
    } else return false;
    return true;
  }

  /**
   * Handles the keys of the view.
   * @param {KeyboardEvent} event
   */
  key(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.#blocked || !this.#settings.root.hidden) return;
    const target = /** @type {HTMLElement} */ (event.composedPath()[0]);
    // Controls of the page's own rows keep their keys; an arrow leads from the search to the list.
    const isText = target.matches('input, textarea, select') || target.isContentEditable;
    if (isText && !(event.key === 'ArrowDown' && target.matches('.query'))) return;
    if (event.key === '?') this.#toggleHelp();
    else if (event.key === '/') this.#filters.openSearch();
    else {
      if (this.#help.root.hidden && this.#list.key(event)) this.#onGesture(event);
      return;
    }
    event.preventDefault();
  }

  /**
   * Leaves only the banner, while the user is not signed in or the page is refused: nothing else
   * would work.
   * @param {boolean} blocked
   */
  #block(blocked) {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    if (!this.#help.root.hidden) this.#toggleHelp();
    if (!this.#settings.root.hidden) this.#toggleSettings();
    if (blocked) this.#actions.bar.hide();
    const { activeElement } = /** @type {ShadowRoot} */ (this.root.getRootNode());
    this.root.classList.toggle('blocked', blocked);
    this.#filters.root.hidden = this.#body.hidden = blocked;
    this.#markAll.hidden = this.#gear.hidden = blocked;
    // A hidden element loses the focus, and with it the keys of the panel.
    if (blocked && activeElement && this.root.contains(activeElement)) this.#focus();
  }

  #focus() {
    if (this.#host.shut) /** @type {HTMLElement} */ (this.root.closest('[tabindex]'))?.focus();
    else this.#list.focusFirst();
  }

  #onFilter() {
    this.#body.ariaLabel = this.#filters.name;
    this.#body.scrollTop = 0;
    this.render();
    if (this.#shown && !this.#pager.hasStarted(this.#filters.value)) void this.#load();
  }

  /** Loads the next page of the selected filter. */
  async #load() {
    const [client, filter] = [this.#host.client(), this.#filters.value];
    if (!client?.mayShow) return;
    const isSelected = () => this.#filters.value === filter;
    const loaded = await this.#pager.load(client, filter, isSelected);
    this.render();
    // Reports again if the end is still near.
    if (!loaded || this.#pager.failed) return;
    this.#end.unobserve(this.#older);
    this.#end.observe(this.#older);
  }

  /** @param {boolean | undefined} near */
  #onEnd(near) {
    this.#nearEnd = Boolean(near);
    this.#loadAtEnd();
  }

  /**
   * Remembers that the user scrolls. The focus on the button, or a page that scrolls by itself,
   * loads nothing.
   * @param {Event} event
   */
  #onGesture(event) {
    // The scroll bar belongs to the element that scrolls.
    if (event.type === 'pointerdown' && event.target !== this.#body) return;
    this.#gestureAt = performance.now();
    this.#loadAtEnd();
  }

  #loadAtEnd() {
    const recent = performance.now() - this.#gestureAt < GESTURE;
    if (this.#nearEnd && recent && !this.#older.hidden && !this.#pager.failed) void this.#load();
  }

  /** Loads what a view needs and does not have yet. */
  #refresh() {
    const client = this.#host.client();
    if (!client?.mayShow) return;
    if (!this.#pager.hasStarted(this.#filters.value)) void this.#load();
    if (document.visibilityState === 'visible') client.markAllSeen();
    client.types().then(
      (types) => {
        this.#actions.types = types;
        this.#offerCategories();
      },
      () => {},
    );
  }

  #offerCategories() {
    const all = [...this.#actions.types.values()].map(({ category }) => category);
    for (const { category } of this.#host.client()?.items ?? []) all.push(category);
    const known = [...new Set(all.filter((name) => typeof name === 'string' && name))];
    this.#filters.setCategories(
      /** @type {string[]} */ (known).sort((a, b) => a.localeCompare(b, this.#list.language)),
    );
  }

  /**
   * Renders the banner: the status of the connection, or a failure to load.
   * @param {Status} status
   */
  #drawBanner(status) {
    const { notLoaded, retry } = this.#words;
    const failed = status === 'online' && this.#pager.failed;
    const text = failed ? notLoaded : statusText(status, this.#words);
    this.#banner.hidden = !text;
    if (this.#banner.dataset.text === text) return;
    this.#banner.dataset.text = text;
    this.#banner.replaceChildren(...(this.#blocked ? [icon('lock')] : []), text);
    if (failed) this.#banner.append(button('quiet', retry, () => void this.#load()));
  }

  /**
   * Returns the placeholder of an empty list. It says that there is nothing only when that is
   * known.
   * @param {boolean} online
   */
  #empty(online) {
    const filter = this.#filters.value;
    const known = online && this.#pager.isLoaded(filter);
    return emptyList(this.#words, filter, known, this.#banner.hidden);
  }

  /**
   * Returns the slot of a row of the page's own, which becomes a child of the element.
   * @param {Notification} item
   */
  #customRow(item) {
    const render = this.#host.renderItem();
    let node = null;
    try {
      node = render?.(item) ?? null;
    } catch (error) {
      console.error('Lonceng: renderItem failed', error);
    }
    if (!node) return null;
    const name = `row-${item.notification_id}`;
    for (const child of [...this.#host.element.children]) if (child.slot === name) child.remove();
    node.slot = name;
    this.#host.element.append(node);
    const slot = element('slot', 'row');
    slot.name = name;
    return slot;
  }

  #removeCustomRows() {
    if (!this.#host.renderItem()) return;
    const { shown } = this.#list;
    for (const child of [...this.#host.element.children])
      if (child.slot.startsWith('row-') && !shown.has(child.slot.slice(4))) child.remove();
  }

  #toggleHelp() {
    const show = this.#help.root.hidden;
    this.#help.root.hidden = !show;
    this.#body.hidden = show;
    if (show) this.#help.root.focus();
    else this.#focus();
  }

  #toggleSettings() {
    const show = this.#settings.root.hidden;
    if (!this.#help.root.hidden) this.#toggleHelp();
    this.#settings.root.hidden = !show;
    this.#body.hidden = this.#filters.root.hidden = this.#markAll.hidden = show;
    this.#gear.ariaExpanded = String(show);
    this.#heading.textContent = show ? this.#words.settings : this.#words.title;
    this.#gear.replaceChildren(icon(show ? 'back' : 'gear'));
    this.#gear.ariaLabel = show ? this.#words.back : this.#words.settings;
    const client = this.#host.client();
    if (!show || !client) return;
    const failed = () => this.#actions.show(this.#words.failed);
    this.#settings.show(client, this.#words).catch(failed);
  }
}
