import { filled } from './messages.js';
import { button, element, icon } from './icons.js';
import { List } from './list.js';
import { Settings } from './settings.js';
import { placePanel } from './place.js';

/** @typedef {import('./inbox.js').Notification} Notification */
/** @typedef {import('./inbox.js').Mark} Mark */
/** @typedef {import('./client.js').Tab} Tab */
/** @typedef {import('./client.js').Client} Client */

/** How long an undo is offered, in milliseconds. */
const UNDO_FOR = 8_000;

/** @type {Tab[]} */
const TABS = ['all', 'unread', 'archived'];

/**
 * What a panel needs of its bell.
 *
 * @typedef {object} PanelOf
 * @property {() => Client | null} client
 * @property {(item: Notification, leaving: boolean) => boolean} click  Reports a click; false keeps the page.
 * @property {() => void} shut                                           Closes the panel and gives the bell the focus.
 * @property {(text: string) => void} announce                           Tells a screen reader.
 */

/** The panel: a dialog with tabs, the list, and the settings. It lies in the top layer. */
export class Panel {
  root = element('div', 'panel');
  /** Where it opens; the attribute of the bell. @type {string | null} */
  placement = null;
  /** @type {import('./messages.js').Words} */
  #words;
  #of;
  /** @type {HTMLElement} */
  #anchor;
  #heading = element('h2', 'heading');
  #markAll = button('quiet', '', () => void this.#readAll());
  #gear = button('gear', '', () => this.#toggleSettings());
  #close = button('close', '', () => this.#of.shut());
  #tabs = element('div', 'tabs');
  #banner = element('div', 'banner');
  #body = element('div', 'body');
  #older = button('quiet older', '', () => void this.load());
  #bar = element('div', 'bar');
  /** @type {List} */
  #list;
  #settings = new Settings((said) => this.#tell(said));
  /** @type {Tab} */
  #tab = 'all';
  /** Where the next page of each tab starts; nothing before the first, null at the end. @type {Map<Tab, string | null>} */
  #cursors = new Map();
  /** Tabs of which the first page has come. @type {Set<Tab>} */
  #loaded = new Set();
  #notLoaded = false;
  #wasOnline = false;
  /** @type {import('./client.js').TypeNames} */
  #types = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #barTimer;

  /** @param {import('./messages.js').Words} words @param {HTMLElement} anchor @param {PanelOf} of */
  constructor(words, anchor, of) {
    this.#words = words;
    this.#anchor = anchor;
    this.#of = of;
    this.#list = new List(words, {
      mark: (item, mark) => this.#mark(item, mark),
      mute: (item) => void this.#mute(item),
      muteName: (item) => this.#muteName(item),
      click: of.click,
      redraw: () => this.render(),
    });
    this.root.role = 'dialog';
    this.root.tabIndex = -1;
    this.root.hidden = true;
    this.root.popover = 'manual';
    this.root.onkeydown = (event) => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        if (this.#settings.root.hidden) of.shut();
        else this.#toggleSettings();
      } else if (this.#settings.root.hidden && !event.defaultPrevented) this.#list.key(event);
    };
    this.#gear.append(icon('gear'));
    this.#gear.ariaExpanded = 'false';
    this.#close.append(icon('cross'));
    const head = element('div', 'head');
    head.append(this.#heading, this.#markAll, this.#gear, this.#close);
    this.#tabs.role = 'tablist';
    this.#tabs.onkeydown = (event) => this.#tabKey(event);
    this.#body.role = 'tabpanel';
    this.#body.id = 'tabpanel';
    this.#body.append(this.#list.root, this.#older);
    this.#banner.hidden = this.#older.hidden = this.#settings.root.hidden = true;
    this.root.append(head, this.#tabs, this.#banner, this.#body, this.#settings.root, this.#bar);
    this.speak(words, 'en');
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** Shows it, with the first page of the list. */
  open() {
    this.root.hidden = false;
    this.root.showPopover();
    addEventListener('resize', this.#place);
    addEventListener('scroll', this.#place, { capture: true, passive: true });
    this.render();
    this.#place();
    this.root.focus();
    this.#refresh();
  }

  /** Hides it. */
  close() {
    removeEventListener('resize', this.#place);
    removeEventListener('scroll', this.#place, { capture: true });
    if (this.root.matches(':popover-open')) this.root.hidePopover();
    this.root.hidden = true;
    if (!this.#settings.root.hidden) this.#toggleSettings();
    this.#barDown();
  }

  /** Starts over: another inbox. */
  forget() {
    this.#cursors.clear();
    this.#loaded.clear();
    this.#types = new Map();
    this.#notLoaded = this.#wasOnline = false;
    this.#list.forget();
  }

  /** Times tick. */
  tick() {
    if (this.isOpen) this.#list.tick();
  }

  /** Speaks another language. @param {import('./messages.js').Words} words @param {string} language */
  speak(words, language) {
    this.#words = this.#list.words = words;
    this.#list.language = language;
    this.#list.forget();
    this.root.ariaLabel = this.#heading.textContent = words.title;
    this.#tabs.ariaLabel = words.title;
    this.#markAll.textContent = words.markAll;
    this.#older.textContent = words.older;
    this.#gear.ariaLabel = words.settings;
    this.#close.ariaLabel = words.close;
    const names = { all: words.all, unread: words.unreadTab, archived: words.archivedTab };
    this.#tabs.replaceChildren(...TABS.map((tab) => {
      const made = button('tab', names[tab], () => this.#choose(tab));
      made.role = 'tab';
      made.dataset.tab = tab;
      made.setAttribute('aria-controls', 'tabpanel');
      return made;
    }));
    this.#choose(this.#tab);
  }

  /** Draws what has changed. */
  render() {
    const client = this.#of.client();
    const online = client?.status === 'online';
    // What failed before the connection came back is no longer so.
    if (online && !this.#wasOnline) this.#notLoaded = false;
    const back = online && !this.#wasOnline;
    this.#wasOnline = online;
    this.#markAll.disabled = !client?.mayShow || client.unread === 0;
    this.#gear.disabled = !online;
    this.#drawBanner(client?.status ?? 'unauthorized');
    if (!this.isOpen) return;
    this.#list.show(this.#items(), this.#empty(online));
    this.#older.hidden = !online || !this.#cursors.get(this.#tab);
    if (back) this.#refresh();
  }

  /** Loads the next page of the tab that is shown. */
  async load() {
    const [client, tab] = [this.#of.client(), this.#tab];
    if (!client?.mayShow) return;
    this.#notLoaded = false;
    let cursor = this.#cursors.get(tab) ?? null;
    const first = cursor === null;
    const before = this.#items().length;
    this.#cursors.set(tab, cursor);
    try {
      // What came over the connection is here already: go on to what is not.
      do {
        cursor = await client.loadOlder(cursor, tab);
        this.#cursors.set(tab, cursor);
      } while (cursor && !first && this.#tab === tab && this.#items().length === before);
      this.#loaded.add(tab);
    } catch {
      // What came over the connection is shown all the same.
      if (first) this.#cursors.delete(tab);
      this.#notLoaded = true;
    }
    this.render();
  }

  #place = () => placePanel(this.root, this.#anchor, this.placement);

  /** Loads what an open panel shows, as far as it has not come. */
  #refresh() {
    const client = this.#of.client();
    if (!client?.mayShow) return;
    if (!this.#cursors.has(this.#tab)) void this.load();
    client.markAllSeen();
    client.types().then((types) => (this.#types = types), () => {});
  }

  /** One banner says how things are: about the connection, or else about what could not be loaded. @param {import('./link.js').Status} status */
  #drawBanner(status) {
    const { offline, unauthorized, forbidden, notLoaded, retry } = this.#words;
    /** @type {Record<string, string>} */
    const texts = { offline, unauthorized, forbidden, online: this.#notLoaded ? notLoaded : '' };
    const text = texts[status] ?? '';
    this.#banner.hidden = !text;
    if (this.#banner.dataset.text === text) return;
    this.#banner.dataset.text = text;
    this.#banner.replaceChildren(text);
    if (status === 'online') this.#banner.append(button('quiet', retry, () => void this.load()));
  }

  #items() {
    const client = this.#of.client();
    if (!client?.mayShow) return [];
    if (this.#tab === 'archived') return client.archived;
    return this.#tab === 'unread' ? client.items.filter((item) => item.status === 'unread') : client.items;
  }

  /** What stands in the place of a list that is empty; that nothing has come is only said when it is known. @param {boolean} online */
  #empty(online) {
    const empty = element('div', 'empty');
    empty.append(icon('bell'));
    const known = online && this.#loaded.has(this.#tab);
    const { loading, empty: nothing, emptyUnread, emptyArchived, emptyHint } = this.#words;
    if (known) {
      empty.append(element('strong', '', { all: nothing, unread: emptyUnread, archived: emptyArchived }[this.#tab]));
      if (this.#tab === 'all') empty.append(emptyHint);
    } else if (this.#banner.hidden) empty.append(element('strong', '', loading));
    return empty;
  }

  /** @param {Tab} tab */
  #choose(tab) {
    this.#tab = tab;
    for (const one of /** @type {HTMLCollectionOf<HTMLElement>} */ (this.#tabs.children)) {
      const chosen = one.dataset.tab === tab;
      one.ariaSelected = String(chosen);
      one.tabIndex = chosen ? 0 : -1;
      if (chosen) this.#body.ariaLabel = one.textContent;
    }
    this.render();
    if (this.isOpen && !this.#cursors.has(tab)) void this.load();
  }

  /** @param {KeyboardEvent} event */
  #tabKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const towards = getComputedStyle(this.root).direction === 'rtl' ? -step : step;
    const next = TABS[(TABS.indexOf(this.#tab) + towards + TABS.length) % TABS.length];
    event.preventDefault();
    this.#choose(next);
    /** @type {HTMLElement | null} */ (this.#tabs.querySelector('[aria-selected="true"]'))?.focus();
  }

  /** @param {Notification} item @param {Mark} mark */
  #mark(item, mark) {
    const client = this.#of.client();
    const id = item.notification_id;
    if (mark === 'read') client?.markRead(id);
    else if (mark === 'unread') client?.markUnread(id);
    else if (mark === 'unarchive') client?.unarchive(id);
    else if (mark === 'archive') {
      client?.archive(id);
      this.#tell(this.#words.archived, () => client?.unarchive(id));
    } else {
      client?.remove(id);
      this.#tell(this.#words.removed);
    }
  }

  async #readAll() {
    const client = this.#of.client();
    if (!client) return;
    const ids = await client.unreadIds().catch(() => []);
    client.markAllRead();
    this.#tell(this.#words.allRead, ids.length === 0 ? undefined : () => {
      client.restoreUnread(ids).catch(() => this.#tell(this.#words.failed));
    });
  }

  /** The name of an item's type; nothing where it cannot be muted. @param {Notification} item */
  #muteName(item) {
    const type = this.#types.get(item.type_code);
    return type && !type.mandatory ? type.name : null;
  }

  /** @param {Notification} item */
  async #mute(item) {
    const client = this.#of.client();
    const type = this.#muteName(item);
    if (!client || !type) return;
    try {
      const { muted_types: before } = await client.preferences();
      await client.savePreferences({ muted_types: [...before, item.type_code] });
      const undo = () => void client.savePreferences({ muted_types: before }).catch(() => this.#tell(this.#words.failed));
      this.#tell(filled(this.#words.muted, { type }), undo);
    } catch {
      this.#tell(this.#words.failed);
    }
  }

  /** Says how something went, and offers to undo it. @param {string} text @param {() => void} [undo] */
  #tell(text, undo) {
    clearTimeout(this.#barTimer);
    this.#bar.replaceChildren(element('span', '', text));
    this.#of.announce(text);
    if (undo) {
      this.#bar.append(button('quiet', this.#words.undo, () => {
        this.#barDown();
        undo();
        this.root.focus();
      }));
    }
    this.#barTimer = setTimeout(() => this.#barDown(), UNDO_FOR);
  }

  #barDown() {
    clearTimeout(this.#barTimer);
    this.#bar.replaceChildren();
  }

  #toggleSettings() {
    const show = this.#settings.root.hidden;
    this.#settings.root.hidden = !show;
    this.#body.hidden = this.#tabs.hidden = this.#markAll.hidden = show;
    this.#gear.ariaExpanded = String(show);
    this.#heading.textContent = show ? this.#words.settings : this.#words.title;
    this.#gear.replaceChildren(icon(show ? 'back' : 'gear'));
    this.#gear.ariaLabel = show ? this.#words.back : this.#words.settings;
    const client = this.#of.client();
    if (!show || !client) return;
    this.#settings.show(client, this.#words).catch(() => this.#tell(this.#words.failed));
  }
}
