import { announce, copyButton, h, tabs } from './dom.js';
import { chooseIdentity, onIdentity } from './identity.js';
import { RequestForm } from './request-form.js';
import { LANGUAGES, preparation } from './samples.js';

/** Headers of a response that a reader wants to see. */
const HEADERS = [
  'content-type',
  'etag',
  'location',
  'idempotency-replayed',
  'retry-after',
  'allow',
  'www-authenticate',
];

/** Maximum number of characters of a response that are shown. */
const SHOWN = 200_000;

/** Key of the language that the reader chose last. */
const LANGUAGE = 'lonceng docs language';

/** @param {string} text */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/**
 * Reads a response to its end, or until it is stopped.
 * @param {Response} response
 * @param {(text: string) => void} onText
 */
async function read(response, onText) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = (await reader?.read()) ?? { done: true };
      if (done) break;
      text = (text + value).slice(0, SHOWN);
      onText(text);
    }
  } catch (error) {
    if (/** @type {any} */ (error).name !== 'AbortError') throw error;
  }
  return text;
}

/**
 * Returns what to do about a refused identity.
 * @param {401 | 403} status
 */
function signInHint(status) {
  const text =
    status === 401
      ? 'The hub does not know who sends this. '
      : 'The identity of this request may not do this. ';
  const choose = h('button', { type: 'button', onclick: chooseIdentity }, 'Choose an identity');
  return h('p', { class: 'hint sign-in' }, text, choose);
}

/** Form of an operation, the code for it in three languages, and its response. */
export class RequestPanel {
  /**
   * @param {import('./schema.js').Json} http
   * @param {import('./model.js').Operation} operation
   * @param {{ body?: () => unknown, onSuccess?: () => void }} [options]
   */
  constructor(http, operation, options = {}) {
    this.options = options;
    this.form = new RequestForm(http, operation, () => this.drawCode(), options.body);
    /** @type {Record<string, HTMLElement>} */
    this.code = Object.fromEntries(Object.keys(LANGUAGES).map((name) => [name, h('code')]));
    this.sendButton = h('button', { class: 'primary send' }, 'Send request');
    this.output = h('div', { class: 'response' });
    this.hint = h('p', { class: 'hint' });
    const form = h('form', {}, this.form.element, h('div', { class: 'row' }, this.sendButton));
    form.addEventListener('submit', (/** @type {Event} */ event) => {
      event.preventDefault();
      if (this.stop) this.stop.abort();
      else void this.send();
    });
    this.element = h('div', { class: 'request' }, this.codeTabs(), this.hint, form, this.output);
    onIdentity(() => this.drawCode());
    this.drawCode();
  }

  codeTabs() {
    const entries = Object.keys(LANGUAGES).map((name) => {
      const pre = h(
        'pre',
        { tabIndex: 0, role: 'region', 'aria-label': `Request in ${name}` },
        this.code[name],
      );
      const copy = copyButton(`Copy: request in ${name}`, () => this.code[name].textContent ?? '');
      return { name, panel: h('div', {}, h('div', { class: 'code' }, pre, copy)) };
    });
    const chosen = sessionStorage.getItem(LANGUAGE) ?? 'curl';
    return tabs('Language', entries, chosen, (name) => sessionStorage.setItem(LANGUAGE, name));
  }

  drawCode() {
    const call = this.form.call();
    for (const [name, write] of Object.entries(LANGUAGES))
      this.code[name].textContent = write(call);
    const first = preparation();
    this.hint.replaceChildren(
      ...(first ? ['The code reads your token from the environment: ', h('code', {}, first)] : []),
    );
  }

  /** Sends the request and shows the response as it arrives. */
  async send() {
    this.stop = new AbortController();
    this.sendButton.textContent = 'Stop';
    const start = performance.now();
    try {
      const response = await this.form.send(this.form.call(), this.stop.signal);
      await this.show(response, () => Math.round(performance.now() - start));
      if (response.ok) this.options.onSuccess?.();
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      const text = name === 'AbortError' ? 'Stopped.' : `No response: ${message}`;
      this.output.replaceChildren(h('p', { class: 'status bad' }, text));
      announce(text);
    } finally {
      this.stop = undefined;
      this.sendButton.textContent = 'Send request';
    }
  }

  /**
   * @param {Response} response
   * @param {() => number} elapsed
   */
  async show(response, elapsed) {
    const status = `${response.status} ${response.statusText}`.trim();
    const time = h('span', {}, `${elapsed()} ms`);
    const body = h('code');
    const headers = HEADERS.flatMap((name) => {
      const value = response.headers.get(name);
      return value ? [h('div', {}, h('dt', {}, name), h('dd', {}, value))] : [];
    });
    const pre = h(
      'pre',
      { tabIndex: 0, role: 'region', 'aria-label': 'Body of the response' },
      body,
    );
    const parts = [
      h(
        'p',
        { class: `status ${response.ok ? 'good' : 'bad'}` },
        h('strong', {}, status),
        ' in ',
        time,
      ),
      (response.status === 401 || response.status === 403) && signInHint(response.status),
      h('dl', { class: 'headers' }, ...headers),
      h(
        'div',
        { class: 'code' },
        pre,
        copyButton('Copy: body of the response', () => body.textContent),
      ),
    ];
    this.output.replaceChildren(...parts.filter((part) => part));
    const text = await read(response, (arrived) => (body.textContent = arrived));
    body.textContent = text ? pretty(text) : '(no body)';
    time.textContent = `${elapsed()} ms`;
    announce(`Response: ${status}`);
  }
}
