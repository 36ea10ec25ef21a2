import { button, element, icon } from './icons.js';

/** @import { Filter } from './matching.js' */
/** @import { Tab } from './inbox-api.js' */
/** @import { Words } from './messages.js' */

/** @type {Tab[]} */
const TABS = ['all', 'unread', 'snoozed', 'archived'];

/** Delay between a key in the search field and the request, in milliseconds. */
const SEARCH_DELAY = 250;

/** Tabs, search field and categories above the list. */
export class Filters {
  root = element('div', 'filters');
  /** Selected filter. @type {Filter} */
  value = { tab: 'all' };
  #tabs = element('div', 'tabs');
  #toggle = button('find', '', () => this.#toggleSearch());
  #search = element('div', 'search');
  #field = element('input', 'query');
  #clear = button('x', '', () => this.#clearSearch());
  #chips = element('div', 'chips');
  /** @type {string[]} */
  #categories = [];
  /** @type {Words} */
  #words = {};
  /** @type {() => void} */
  #changed;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {() => void} changed  Called when another filter is selected. */
  constructor(changed) {
    this.#changed = changed;
    this.#tabs.role = 'tablist';
    this.#tabs.onkeydown = (event) => this.#tabKey(event);
    this.#toggle.append(icon('search'));
    this.#field.type = 'search';
    this.#field.autocomplete = 'off';
    this.#field.enterKeyHint = 'search';
    this.#field.oninput = () => {
      clearTimeout(this.#timer);
      this.#clear.hidden = !this.#field.value;
      this.#timer = setTimeout(() => this.#applySearch(), SEARCH_DELAY);
    };
    this.#clear.append(icon('cross'));
    this.#search.append(icon('search'), this.#field, this.#clear);
    this.#search.hidden = this.#clear.hidden = true;
    this.#chips.role = 'group';
    const bar = element('div', 'tabbar');
    bar.append(this.#tabs, this.#toggle);
    this.root.append(bar, this.#search, this.#chips);
  }

  /** @param {Words} words */
  setWords(words) {
    this.#words = words;
    this.#tabs.ariaLabel = words.title;
    this.#toggle.ariaLabel = this.#toggle.title = words.search;
    this.#field.ariaLabel = this.#field.placeholder = words.search;
    this.#clear.ariaLabel = words.clear;
    this.#chips.ariaLabel = words.categories;
    const names = {
      all: words.all,
      unread: words.unreadTab,
      snoozed: words.snoozedTab,
      archived: words.archivedTab,
    };
    this.#tabs.replaceChildren(
      ...TABS.map((tab) => {
        const made = button('tab', names[tab], () => this.#select({ tab }));
        made.role = 'tab';
        made.dataset.tab = tab;
        made.setAttribute('aria-controls', 'tabpanel');
        return made;
      }),
    );
    this.#drawChips();
    this.#draw();
  }

  /** Name of the selected tab. */
  get name() {
    return this.#tabs.querySelector('[aria-selected="true"]')?.textContent ?? '';
  }

  /** True if the focus is in the search field. */
  get isSearching() {
    return !this.#search.hidden;
  }

  /**
   * Offers categories.
   * @param {string[]} categories
   */
  setCategories(categories) {
    if (categories.join('\n') === this.#categories.join('\n')) return;
    this.#categories = categories;
    this.#drawChips();
    if (this.value.category && !categories.includes(this.value.category))
      this.#select({ category: undefined });
  }

  /** Shows the search field with the focus. */
  openSearch() {
    this.#search.hidden = false;
    this.#toggle.ariaExpanded = 'true';
    this.#field.focus();
    this.#field.select();
  }

  /** Ends the search, and shows everything again. */
  closeSearch() {
    this.#search.hidden = true;
    this.#toggle.ariaExpanded = 'false';
    this.#field.value = '';
    this.#clear.hidden = true;
    this.#applySearch();
  }

  #toggleSearch() {
    if (this.#search.hidden) this.openSearch();
    else this.closeSearch();
  }

  #clearSearch() {
    this.#field.value = '';
    this.#clear.hidden = true;
    this.#applySearch();
    this.#field.focus();
  }

  #applySearch() {
    clearTimeout(this.#timer);
    const q = this.#field.value.trim() || undefined;
    if (q !== this.value.q) this.#select({ q });
  }

  /** @param {Partial<Filter>} change */
  #select(change) {
    this.value = { ...this.value, ...change };
    this.#draw();
    this.#changed();
  }

  #draw() {
    for (const one of /** @type {HTMLCollectionOf<HTMLElement>} */ (this.#tabs.children)) {
      const chosen = one.dataset.tab === this.value.tab;
      one.ariaSelected = String(chosen);
      one.tabIndex = chosen ? 0 : -1;
    }
    for (const one of /** @type {HTMLCollectionOf<HTMLElement>} */ (this.#chips.children))
      one.ariaPressed = String((one.dataset.category ?? '') === (this.value.category ?? ''));
    this.#toggle.ariaExpanded = String(!this.#search.hidden);
  }

  #drawChips() {
    const chip = (/** @type {string | undefined} */ category) => {
      const made = button('chip', category ?? this.#words.allCategories, () =>
        this.#select({ category }),
      );
      if (category) {
        made.dataset.category = category;
        made.dir = 'auto';
      }
      return made;
    };
    this.#chips.hidden = this.#categories.length === 0;
    const all = this.#chips.hidden ? [] : [undefined, ...this.#categories];
    this.#chips.replaceChildren(...all.map(chip));
    this.#draw();
  }

  /** @param {KeyboardEvent} event */
  #tabKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const towards = getComputedStyle(this.root).direction === 'rtl' ? -step : step;
    const at = TABS.indexOf(this.value.tab);
    event.preventDefault();
    this.#select({ tab: TABS[(at + towards + TABS.length) % TABS.length] });
    /** @type {HTMLElement | null} */ (this.#tabs.querySelector('[aria-selected="true"]'))?.focus();
  }
}
