import { breakable, byId, h, paragraphs } from './dom.js';
import { identityControls } from './identity.js';
import { Model } from './model.js';
import { operationEntry, schemaEntry } from './operation.js';
import { searchControls } from './search.js';
import { socketSection } from './socket.js';
import { quickStart } from './start.js';

/** @typedef {import('./operation.js').Entry} Entry */

/**
 * Section of the page.
 * @typedef {object} Section
 * @property {string} id  Anchor.
 * @property {string} title
 * @property {{ hash: string, title: string }[]} links  Anchors within.
 * @property {() => { entries: Entry[], parts: import('./dom.js').Child[] }} build
 */

/**
 * @param {Model} model
 * @returns {Section[]}
 */
function sectionsOf(model) {
  const tags = model.tags.map((/** @type {any} */ tag) => ({
    id: tag.id,
    title: tag.title,
    links: tag.operations.map((/** @type {any} */ one) => ({
      hash: one.hash,
      title: `${one.method} ${one.path}`,
    })),
    build: () => {
      const entries = tag.operations.map((/** @type {any} */ one) =>
        operationEntry(model.http, one),
      );
      const articles = entries.map((/** @type {Entry} */ entry) => entry.article);
      return { entries, parts: [...paragraphs(tag.description), ...articles] };
    },
  }));
  return [
    {
      id: 'start',
      title: 'Quick start',
      links: [],
      build: () => ({ entries: [], parts: quickStart(model) }),
    },
    ...tags,
    {
      id: 'websocket',
      title: 'WebSocket',
      links: [...model.fromHub, ...model.toHub].map(({ hash, name }) => ({ hash, title: name })),
      build: () => socketSection(model),
    },
    {
      id: 'schemas',
      title: 'Schemas',
      links: model.schemas.map(([name]) => ({ hash: `schema-${name}`, title: name })),
      build: () => {
        const entries = model.schemas.map(([name, schema]) =>
          schemaEntry(model.http, name, schema),
        );
        return { entries, parts: entries.map((entry) => entry.article) };
      },
    },
  ];
}

/** Whether the navigation is a column, which is always open. */
const wide = matchMedia('(min-width: 60rem)');

/** Shows the section that the address names, and opens the entry. */
class Router {
  /** @param {Section[]} sections */
  constructor(sections) {
    this.sections = sections;
    /** @type {Map<string, { element: HTMLElement, entries: Entry[] }>} */
    this.built = new Map();
    this.drawNavigation();
  }

  drawNavigation() {
    byId('sections').replaceChildren(
      ...this.sections.map(({ id, title, links }) =>
        h(
          'li',
          { 'data-section': id },
          h('a', { href: `#${id}`, class: 'section' }, title),
          links.length > 0 &&
            h(
              'ul',
              { hidden: true },
              ...links.map((link) =>
                h('li', {}, h('a', { href: `#${link.hash}` }, ...breakable(link.title))),
              ),
            ),
        ),
      ),
    );
  }

  /** @param {Section} section */
  element(section) {
    const known = this.built.get(section.id);
    if (known) return known;
    const { entries, parts } = section.build();
    const heading = h('h2', { tabIndex: -1 }, section.title);
    const element = h('section', { 'aria-label': section.title }, heading, ...parts);
    element.id = section.id;
    const built = { element, entries };
    this.built.set(section.id, built);
    return built;
  }

  /** @param {boolean} first  Whether the page has just been opened: the focus stays. */
  show(first) {
    const hash = decodeURIComponent(location.hash.slice(1));
    // The link that skips the navigation.
    if (hash === 'page' && !first) return;
    const section =
      this.sections.find(
        ({ id, links }) => id === hash || links.some((one) => one.hash === hash),
      ) ?? this.sections[0];
    const { element, entries } = this.element(section);
    const main = byId('page');
    if (main.firstElementChild !== element) main.replaceChildren(element);
    document.title = `${section.title} – Lonceng: the API`;
    this.mark(section, hash);
    const entry = entries.find((one) => one.hash === hash);
    if (entry) {
      entry.toggle(true);
      entry.article.scrollIntoView();
      if (!first) entry.article.querySelector('button')?.focus({ preventScroll: true });
    } else if (!first) {
      scrollTo(0, 0);
      element.querySelector('h2')?.focus({ preventScroll: true });
    }
  }

  /**
   * Marks the present section and entry in the navigation.
   * @param {Section} section
   * @param {string} hash
   */
  mark(section, hash) {
    for (const item of byId('sections').children) {
      const present = item.dataset.section === section.id;
      const list = item.querySelector('ul');
      if (list) list.hidden = !present;
      for (const link of item.querySelectorAll('a')) {
        const target = decodeURIComponent(link.hash.slice(1));
        const on = present && (target === hash || (link.className === 'section' && hash === ''));
        if (on) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
        link.classList.toggle('within', present && target === section.id);
      }
    }
    byId('menu').open = wide.matches;
  }
}

const [http, socket] = await Promise.all(
  ['/openapi.json', '/asyncapi.json'].map((address) =>
    fetch(address).then((response) => response.json()),
  ),
);
const model = new Model(http, socket);
const router = new Router(sectionsOf(model));
identityControls();
searchControls(model);
wide.addEventListener('change', () => (byId('menu').open = wide.matches));
addEventListener('hashchange', () => router.show(false));
router.show(true);
