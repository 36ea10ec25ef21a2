import { filled } from './messages.js';
import { button, element, icon } from './icons.js';
import { List, emptyList } from './list.js';
import { ResultBar } from './result-bar.js';
import { Settings } from './settings.js';
import { placePanel } from './place.js';
import { clock } from './time.js';

/** @import { Mark, Notification } from './inbox.js' */
/** @import { Client } from './client.js' */
/** @import { Tab, TypeNames } from './inbox-api.js' */
/** @import { Words } from './messages.js' */
/** @import { Status } from './link.js' */

/** @type {Tab[]} */
const TABS = ['all', 'unread', 'archived'];

/**
 * Interface from the panel to its bell.
 *
 * @typedef {object} PanelHost
 * @property {() => Client | null} client
 * @property {(item: Notification, leaving: boolean) => boolean} click  Reports a click. Returns
 *   false to stay on the page.
 * @property {() => void} shut  Closes the panel and focuses the bell.
 * @property {(text: string) => void} announce  Announces a text to screen readers.
 */

/** Panel: a dialog in the top layer with tabs, the list and the settings. */
export class Panel {
  root = element('div', 'panel');
  /** Attribute `placement` of the bell. @type {string | null} */
  placement = null;
  /** @type {Words} */
  #words;
  #host;
  /** @type {HTMLElement} */
  #anchor;
  #heading = element('h2', 'heading');
  #markAll = button('quiet', '', () => void this.#readAll());
  #gear = button('gear', '', () => this.#toggleSettings());
  #close = button('close', '', () => this.#host.shut());
  #tabs = element('div', 'tabs');
  #banner = element('div', 'banner');
  #body = element('div', 'body');
  #older = button('quiet older', '', () => void this.load());
  #bar = new ResultBar();
  /** @type {List} */
  #list;
  #settings = new Settings((result) => this.#showResult(result));
  /** @type {Tab} */
  #tab = 'all';
  /**
   * Cursor of the next page of each tab; missing before the first page, null at the end.
   * @type {Map<Tab, string | null>}
   */
  #cursors = new Map();
  /** Tabs whose first page is loaded. @type {Set<Tab>} */
  #loaded = new Set();
  #notLoaded = false;
  #wasOnline = false;
  /** @type {TypeNames} */
  #types = new Map();

  /**
   * @param {Words} words
   * @param {HTMLElement} anchor
   * @param {PanelHost} of
   */
  constructor(words, anchor, of) {
    this.#words = words;
    this.#anchor = anchor;
    this.#host = of;
    this.#list = new List(words, {
      mark: (item, mark) => this.#mark(item, mark),
      snooze: (item, until) => this.#snooze(item, until),
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
    this.root.append(
      head,
      this.#tabs,
      this.#banner,
      this.#body,
      this.#settings.root,
      this.#bar.root,
    );
    this.setLanguage(words, 'en');
  }

  get isOpen() {
    return !this.root.hidden;
  }

  /** Shows the panel with the first page of the list. */
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

  /** Hides the panel. */
  close() {
    removeEventListener('resize', this.#place);
    removeEventListener('scroll', this.#place, { capture: true });
    if (this.root.matches(':popover-open')) this.root.hidePopover();
    this.root.hidden = true;
    if (!this.#settings.root.hidden) this.#toggleSettings();
    this.#bar.hide();
  }

  /** Clears the panel for another inbox. */
  forget() {
    this.#cursors.clear();
    this.#loaded.clear();
    this.#types = new Map();
    this.#notLoaded = this.#wasOnline = false;
    this.#list.forget();
  }

  /** Updates the relative times. */
  tick() {
    if (this.isOpen) this.#list.tick();
  }

  /**
   * Changes the language.
   * @param {Words} words
   * @param {string} language
   */
  setLanguage(words, language) {
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
    this.#tabs.replaceChildren(
      ...TABS.map((tab) => {
        const made = button('tab', names[tab], () => this.#selectTab(tab));
        made.role = 'tab';
        made.dataset.tab = tab;
        made.setAttribute('aria-controls', 'tabpanel');
        return made;
      }),
    );
    this.#selectTab(this.#tab);
  }

  /** Renders what has changed. */
  render() {
    const client = this.#host.client();
    const online = client?.status === 'online';
    // Failures from before the reconnect no longer count.
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

  /** Loads the next page of the selected tab. */
  async load() {
    const [client, tab] = [this.#host.client(), this.#tab];
    if (!client?.mayShow) return;
    this.#notLoaded = false;
    let cursor = this.#cursors.get(tab) ?? null;
    const first = cursor === null;
    const before = this.#items().length;
    this.#cursors.set(tab, cursor);
    try {
      // Skips pages that are already loaded through the connection.
      do {
        cursor = await client.loadOlder(cursor, tab);
        this.#cursors.set(tab, cursor);
      } while (cursor && !first && this.#tab === tab && this.#items().length === before);
      this.#loaded.add(tab);
    } catch {
      // Notifications from the connection are shown all the same.
      if (first) this.#cursors.delete(tab);
      this.#notLoaded = true;
    }
    this.render();
  }

  #place = () => placePanel(this.root, this.#anchor, this.placement);

  /** Loads what an open panel needs and does not have yet. */
  #refresh() {
    const client = this.#host.client();
    if (!client?.mayShow) return;
    if (!this.#cursors.has(this.#tab)) void this.load();
    client.markAllSeen();
    client.types().then(
      (types) => (this.#types = types),
      () => {},
    );
  }

  /**
   * Renders the banner: the status of the connection, or a failure to load.
   * @param {Status} status
   */
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
    const client = this.#host.client();
    if (!client?.mayShow) return [];
    if (this.#tab === 'archived') return client.archived;
    return this.#tab === 'unread'
      ? client.items.filter((item) => item.status === 'unread')
      : client.items;
  }

  /**
   * Returns the placeholder of an empty list. It says that there is nothing only when that is
   * known.
   * @param {boolean} online
   */
  #empty(online) {
    const known = online && this.#loaded.has(this.#tab);
    return emptyList(this.#words, this.#tab, known, this.#banner.hidden);
  }

  /** @param {Tab} tab */
  #selectTab(tab) {
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
    this.#selectTab(next);
    /** @type {HTMLElement | null} */ (this.#tabs.querySelector('[aria-selected="true"]'))?.focus();
  }

  /**
   * @param {Notification} item
   * @param {Mark} mark
   */
  #mark(item, mark) {
    const client = this.#host.client();
    const id = item.notification_id;
    if (mark === 'read') client?.markRead(id);
    else if (mark === 'unread') client?.markUnread(id);
    else if (mark === 'unarchive') client?.unarchive(id);
    else if (mark === 'archive') {
      client?.archive(id);
      this.#showResult(this.#words.archived, () => client?.unarchive(id));
    } else {
      client?.remove(id);
      this.#showResult(this.#words.removed);
    }
  }

  /**
   * @param {Notification} item
   * @param {Date} until
   */
  #snooze(item, until) {
    const client = this.#host.client();
    const id = item.notification_id;
    client?.snooze(id, until);
    const time = clock(until, this.#list.language, 'medium');
    this.#showResult(filled(this.#words.snoozed, { time }), () => {
      client?.unsnooze(id);
      // A notification that wakes up is unread.
      if (item.status === 'read') client?.markRead(id);
    });
  }

  async #readAll() {
    const client = this.#host.client();
    if (!client) return;
    const ids = await client.unreadIds().catch(() => []);
    client.markAllRead();
    this.#showResult(
      this.#words.allRead,
      ids.length === 0
        ? undefined
        : () => {
            client.restoreUnread(ids).catch(() => this.#showResult(this.#words.failed));
          },
    );
  }

  /**
   * Returns the name of a notification's type; null if it cannot be muted.
   * @param {Notification} item
   */
  #muteName(item) {
    const type = this.#types.get(item.type_code);
    return type && !type.mandatory ? type.name : null;
  }

  /** @param {Notification} item */
  async #mute(item) {
    const client = this.#host.client();
    const type = this.#muteName(item);
    if (!client || !type) return;
    try {
      const { muted_types: before } = await client.preferences();
      await client.savePreferences({ muted_types: [...before, item.type_code] });
      const undo = () =>
        void client
          .savePreferences({ muted_types: before })
          .catch(() => this.#showResult(this.#words.failed));
      this.#showResult(filled(this.#words.muted, { type }), undo);
    } catch {
      this.#showResult(this.#words.failed);
    }
  }

  /**
   * Shows the result of an action, and offers to undo it.
   * @param {string} text
   * @param {() => void} [undo]
   */
  #showResult(text, undo) {
    this.#host.announce(text);
    const undoAndFocus = () => {
      undo?.();
      this.root.focus();
    };
    this.#bar.show(text, this.#words.undo, undo && undoAndFocus);
  }

  #toggleSettings() {
    const show = this.#settings.root.hidden;
    this.#settings.root.hidden = !show;
    this.#body.hidden = this.#tabs.hidden = this.#markAll.hidden = show;
    this.#gear.ariaExpanded = String(show);
    this.#heading.textContent = show ? this.#words.settings : this.#words.title;
    this.#gear.replaceChildren(icon(show ? 'back' : 'gear'));
    this.#gear.ariaLabel = show ? this.#words.back : this.#words.settings;
    const client = this.#host.client();
    if (!show || !client) return;
    this.#settings.show(client, this.#words).catch(() => this.#showResult(this.#words.failed));
  }
}
