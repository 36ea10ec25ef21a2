import { filled } from './messages.js';
import { button, element, icon } from './icons.js';
import { List } from './list.js';
import { Settings } from './settings.js';

/** @typedef {import('./inbox.js').Notification} Notification */
/** @typedef {import('./inbox.js').Mark} Mark */
/** @typedef {import('./client.js').Tab} Tab */
/** @typedef {import('./client.js').Client} Client */

/** How long an undo is offered, in milliseconds. */
const UNDO_FOR = 8_000;

/** @type {Tab[]} */
const TABS = ['all', 'unread', 'archived'];

/** The panel: a dialog with tabs, the list, and the settings. */
export class Panel {
  root = element('div', 'panel');
  /** @type {import('./messages.js').Words} */
  #words;
  /** @type {() => Client | null} */
  #client;
  /** @type {(text: string) => void} */
  #announce;
  #heading = element('h2', 'heading');
  #markAll = button('quiet', '', () => this.#client()?.markAllRead());
  #gear = button('gear', '', () => this.#toggleSettings());
  #tabs = element('div', 'tabs');
  #offline = element('p', 'offline');
  #body = element('div', 'body');
  #trouble = element('div', 'trouble');
  #older = button('quiet older', '', () => void this.load());
  #bar = element('div', 'bar');
  /** @type {List} */
  #list;
  #settings = new Settings((said) => this.#tell(said));
  /** @type {Tab} */
  #tab = 'all';
  /** Where the next page of each tab starts; nothing before the first, null at the end. @type {Map<Tab, string | null>} */
  #cursors = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #barTimer;

  /**
   * @param {import('./messages.js').Words} words
   * @param {() => Client | null} client
   * @param {(item: Notification) => boolean} follow
   * @param {() => void} shut
   * @param {(text: string) => void} announce  Tells a screen reader.
   */
  constructor(words, client, follow, shut, announce) {
    this.#words = words;
    this.#client = client;
    this.#announce = announce;
    this.#list = new List(words, {
      mark: (item, mark) => this.#mark(item, mark),
      mute: (item) => void this.#mute(item),
      follow,
      redraw: () => this.render(),
    });
    this.root.role = 'dialog';
    this.root.tabIndex = -1;
    this.root.hidden = true;
    this.root.onkeydown = (event) => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        if (this.#settings.root.hidden) shut();
        else this.#toggleSettings();
      } else if (this.#settings.root.hidden && !event.defaultPrevented) this.#list.key(event);
    };
    this.#gear.append(icon('gear'));
    this.#gear.ariaExpanded = 'false';
    const head = element('div', 'head');
    head.append(this.#heading, this.#markAll, this.#gear);
    this.#tabs.role = 'tablist';
    this.#tabs.onkeydown = (event) => this.#tabKey(event);
    this.#body.role = 'tabpanel';
    this.#body.id = 'tabpanel';
    this.#body.append(this.#list.root, this.#older);
    this.#offline.hidden = this.#trouble.hidden = this.#older.hidden = this.#settings.root.hidden = true;
    this.root.append(head, this.#tabs, this.#offline, this.#trouble, this.#body, this.#settings.root, this.#bar);
    this.speak(words, 'en');
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** Shows it, with the first page of the list. */
  open() {
    this.root.hidden = false;
    // To whichever side of the bell there is room.
    this.root.classList.remove('turned');
    const { left, right } = this.root.getBoundingClientRect();
    this.root.classList.toggle('turned', left < 0 || right > document.documentElement.clientWidth);
    this.render();
    this.root.focus();
    if (!this.#cursors.has(this.#tab)) void this.load();
    this.#client()?.markAllSeen();
  }

  /** Hides it. */
  close() {
    this.root.hidden = true;
    if (!this.#settings.root.hidden) this.#toggleSettings();
    this.#barDown();
  }

  /** Starts over: another inbox. */
  forget() {
    this.#cursors.clear();
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
    const client = this.#client();
    const { status = 'connecting', unread = 0 } = client ?? {};
    this.#markAll.disabled = unread === 0;
    this.#offline.hidden = status !== 'offline' && status !== 'denied';
    this.#offline.textContent = status === 'denied' ? this.#words.denied : this.#words.offline;
    if (!this.isOpen) return;
    this.#list.show(this.#items(), this.#empty());
    this.#older.hidden = !this.#cursors.get(this.#tab);
  }

  /** Loads the next page of the tab that is shown. */
  async load() {
    const [client, tab] = [this.#client(), this.#tab];
    if (!client) return;
    this.#trouble.hidden = true;
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
    } catch (error) {
      // What came over the connection is shown all the same.
      if (first) this.#cursors.delete(tab);
      const why = error instanceof Error ? error.message : String(error);
      this.#trouble.replaceChildren(filled(this.#words.failed, { why }), button('quiet', this.#words.retry, () => void this.load()));
      this.#trouble.hidden = false;
    }
    this.render();
  }

  #items() {
    const client = this.#client();
    if (!client) return [];
    if (this.#tab === 'archived') return client.archived;
    return this.#tab === 'unread' ? client.items.filter((item) => item.status === 'unread') : client.items;
  }

  #empty() {
    const empty = element('div', 'empty');
    const text = { all: this.#words.empty, unread: this.#words.emptyUnread, archived: this.#words.emptyArchived }[this.#tab];
    empty.append(icon('bell'), element('strong', '', text));
    if (this.#tab === 'all') empty.append(this.#words.emptyHint);
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
    const client = this.#client();
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

  /** @param {Notification} item */
  async #mute(item) {
    const client = this.#client();
    if (!client) return;
    try {
      const { muted_types: before } = await client.preferences();
      await client.savePreferences({ muted_types: [...before, item.type_code] });
      const undo = () => void client.savePreferences({ muted_types: before });
      this.#tell(filled(this.#words.muted, { type: item.title }), undo);
    } catch (error) {
      this.#tell(filled(this.#words.failed, { why: error instanceof Error ? error.message : String(error) }));
    }
  }

  /** Says how something went, and offers to undo it. @param {string} text @param {() => void} [undo] */
  #tell(text, undo) {
    clearTimeout(this.#barTimer);
    this.#bar.replaceChildren(element('span', '', text));
    this.#announce(text);
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
    this.#gear.replaceChildren(icon(show ? 'cross' : 'gear'));
    this.#gear.ariaLabel = show ? this.#words.back : this.#words.settings;
    const client = this.#client();
    if (!show || !client) return;
    this.#settings.show(client, this.#words).catch((error) => this.#tell(filled(this.#words.failed, { why: error.message })));
  }
}
