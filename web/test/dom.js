// Stand-ins for what the elements use of a document: a tree, selectors without combinators, the
// focus, and events that bubble. No layout and no styles.
import { register } from 'node:module';

// Stylesheets are text that the build puts in.
const LOADER = `export const load = (url, context, next) => url.endsWith('.css')
  ? { format: 'module', source: 'export default "";', shortCircuit: true } : next(url, context);`;
register(`data:text/javascript,${encodeURIComponent(LOADER)}`);

const camel = (name) => name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());

/** Splits a list of selectors at its commas, but not within `:not(…)`. */
const listOf = (selectors) => selectors.split(/,\s*(?![^(]*\))/);

export class FakeElement {
  /** @type {FakeElement[]} */
  childNodes = [];
  parentNode = null;
  dataset = {};
  style = {};
  hidden = false;
  className = '';
  id = '';
  #attributes = new Map();
  #listeners = new Map();
  #text = '';
  #isOpen = false;

  constructor(localName = '') {
    this.localName = localName;
  }

  // The tree.
  get children() {
    return this.childNodes.filter((child) => child.localName !== '#text');
  }
  get childElementCount() {
    return this.children.length;
  }
  get firstElementChild() {
    return this.children[0] ?? null;
  }
  get #siblings() {
    return this.parentNode?.children ?? [];
  }
  get previousElementSibling() {
    return this.#siblings[this.#siblings.indexOf(this) - 1] ?? null;
  }
  get nextElementSibling() {
    return this.#siblings[this.#siblings.indexOf(this) + 1] ?? null;
  }
  get parentElement() {
    return this.parentNode?.localName === '#shadow-root' ? null : this.parentNode;
  }
  get textContent() {
    return this.#text + this.childNodes.map((child) => child.textContent).join('');
  }
  set textContent(text) {
    this.replaceChildren(...(text ? [text] : []));
  }
  insertBefore(node, before) {
    node.remove();
    const at = before ? this.childNodes.indexOf(before) : this.childNodes.length;
    this.childNodes.splice(at, 0, node);
    node.parentNode = this;
    return node;
  }
  append(...nodes) {
    for (const node of nodes) this.insertBefore(nodeOf(node), null);
  }
  prepend(...nodes) {
    for (const node of nodes.reverse()) this.insertBefore(nodeOf(node), this.childNodes[0] ?? null);
  }
  after(...nodes) {
    const next = this.parentNode.childNodes[this.parentNode.childNodes.indexOf(this) + 1];
    for (const node of nodes) this.parentNode.insertBefore(nodeOf(node), next ?? null);
  }
  replaceChildren(...nodes) {
    for (const child of [...this.childNodes]) child.remove();
    this.append(...nodes);
  }
  remove() {
    const root = this.getRootNode();
    if (root.activeElement && this.contains(root.activeElement)) root.activeElement = null;
    const all = this.parentNode?.childNodes;
    if (all) all.splice(all.indexOf(this), 1);
    this.parentNode = null;
  }
  contains(node) {
    return node === this || (Boolean(node) && this.contains(node.parentNode));
  }
  getRootNode() {
    return this.localName === '#shadow-root' ? this : (this.parentNode?.getRootNode() ?? this);
  }
  isEqualNode(other) {
    const texts = [this, other].map((one) => [one?.localName, one?.className, one?.textContent]);
    return JSON.stringify(texts[0]) === JSON.stringify(texts[1]);
  }
  get isConnected() {
    const root = this.getRootNode();
    return root === document.body || Boolean(root.host?.isConnected);
  }
  attachShadow() {
    this.shadowRoot = new FakeElement('#shadow-root');
    this.shadowRoot.host = this;
    return this.shadowRoot;
  }
  createTHead() {
    return this.#grow('thead');
  }
  createTBody() {
    return this.#grow('tbody');
  }
  insertRow() {
    return this.#grow('tr');
  }
  insertCell() {
    return this.#grow('td');
  }
  #grow(tag) {
    const made = document.createElement(tag);
    this.append(made);
    return made;
  }

  // Attributes and selectors.
  setAttribute(name, value) {
    this.#attributes.set(name, String(value));
  }
  removeAttribute(name) {
    this.#attributes.delete(name);
  }
  hasAttribute(name) {
    return this.getAttribute(name) !== null;
  }
  getAttribute(name) {
    const property = name === 'tabindex' ? this.tabIndex : this[camel(name)];
    const own = name.startsWith('data-') ? this.dataset[camel(name.slice(5))] : property;
    const value = this.#attributes.get(name) ?? own;
    return value === undefined || value instanceof Function ? null : String(value);
  }
  get classList() {
    const all = () => this.className.split(' ').filter(Boolean);
    const has = (name) => all().includes(name);
    const toggle = (name, on = !has(name)) => {
      this.className = [...all().filter((one) => one !== name), ...(on ? [name] : [])].join(' ');
      return on;
    };
    return {
      contains: has,
      toggle,
      add: (...names) => names.forEach((name) => toggle(name, true)),
      remove: (...names) => names.forEach((name) => toggle(name, false)),
    };
  }
  matches(selectors) {
    return listOf(selectors).some((selector) => {
      if (selector === ':popover-open') return this.#isOpen;
      if (/^:(hover|focus-within)$/.test(selector)) return false;
      const [, tag, rest] = /^([\w-]*)(.*)$/.exec(selector);
      const parts = rest.match(/\.[\w-]+|\[[^\]]+\]|:not\([^)]*\)/g) ?? [];
      return (!tag || tag === this.localName) && parts.every((part) => this.#has(part));
    });
  }
  #has(part) {
    if (part.startsWith('.')) return this.classList.contains(part.slice(1));
    if (part.startsWith(':not(')) return !this.matches(part.slice(5, -1));
    const [, name, value] = /^\[([\w-]+)(?:="(.*)")?\]$/.exec(part);
    return this.hasAttribute(name) && (value === undefined || this.getAttribute(name) === value);
  }
  closest(selectors) {
    return this.matches(selectors) ? this : (this.parentElement?.closest(selectors) ?? null);
  }
  querySelectorAll(selectors) {
    return this.children.flatMap((child) => [
      ...(child.matches(selectors) ? [child] : []),
      ...child.querySelectorAll(selectors),
    ]);
  }
  querySelector(selectors) {
    return this.querySelectorAll(selectors)[0] ?? null;
  }

  // Focus and events.
  focus() {
    const root = this.getRootNode();
    if (this.isConnected) root.activeElement = this;
  }
  select() {}
  scrollIntoView() {}
  getBoundingClientRect() {
    return { left: 0, right: 0, top: 0, bottom: 0 };
  }
  showPopover() {
    this.#isOpen = true;
  }
  hidePopover() {
    this.#isOpen = false;
  }
  addEventListener(type, listener, { signal } = {}) {
    const all = this.#listeners.get(type) ?? [];
    this.#listeners.set(type, [...all, { listener, signal }]);
  }
  removeEventListener(type, listener) {
    const all = this.#listeners.get(type) ?? [];
    this.#listeners.set(
      type,
      all.filter((one) => one.listener !== listener),
    );
  }
  dispatchEvent(event) {
    this.#handle(event);
    return !event.defaultPrevented;
  }
  #handle(event) {
    this[`on${event.type}`]?.(event);
    for (const { listener, signal } of this.#listeners.get(event.type) ?? [])
      if (!signal?.aborted) listener.call(this, event);
  }
  /** Fires an event that bubbles. Returns it. */
  fire(type, properties = {}) {
    const path = [];
    for (let at = this; at; at = at.parentNode ?? at.host) path.push(at);
    const event = {
      type,
      target: this,
      button: 0,
      defaultPrevented: false,
      isStopped: false,
      composedPath: () => path,
      preventDefault: () => (event.defaultPrevented = true),
      stopPropagation: () => (event.isStopped = true),
      ...properties,
    };
    for (const one of path) if (!event.isStopped) one.#handle(event);
    return event;
  }
  click() {
    return this.fire('click');
  }
}

class FakeAnchor extends FakeElement {}

function nodeOf(node) {
  if (node instanceof FakeElement) return node;
  const text = new FakeElement('#text');
  Object.defineProperty(text, 'textContent', { value: String(node) });
  return text;
}

/** Adds a document to the stand-ins of `installBrowser`. Returns its body. */
export function installDom() {
  class Observer {
    observe() {}
    unobserve() {}
    disconnect() {}
  }
  const body = new FakeElement('body');
  Object.assign(document, {
    body,
    head: new FakeElement('head'),
    documentElement: { clientWidth: 1_000, clientHeight: 800 },
    createElement: (tag) => (tag === 'a' ? new FakeAnchor(tag) : new FakeElement(tag)),
    createElementNS: (_, tag) => new FakeElement(tag),
  });
  Object.assign(globalThis, {
    CSSStyleSheet: class {
      replaceSync() {}
    },
    Element: FakeElement,
    HTMLElement: FakeElement,
    HTMLAnchorElement: FakeAnchor,
    IntersectionObserver: Observer,
    MutationObserver: Observer,
    Option: class extends FakeElement {
      constructor(text, value) {
        super('option');
        this.textContent = text;
        this.value = value;
      }
    },
    getComputedStyle: () => ({ direction: 'ltr' }),
    matchMedia: () => new EventTarget(),
    requestAnimationFrame: (draw) => queueMicrotask(draw),
  });
  return body;
}
