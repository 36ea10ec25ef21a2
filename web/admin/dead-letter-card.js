import { NotAllowed, Refused, call } from './api.js';
import { announce, button, field, h, when } from './dom.js';
import { eventReason, kindName, reasonText } from './hub-text.js';
import { t } from './translations.js';

/**
 * Returns a link to the type of a dead letter, which is previewed with it.
 * @param {any} letter
 */
function typeLink({ type_code: code, id, truncated }) {
  const query = truncated ? '' : `?dead_letter=${id}`;
  const href = `#types/${encodeURIComponent(code)}${query}`;
  return h('a', { class: 'code', href, 'aria-label': t('Edit {what}', { what: code }) }, code);
}

/**
 * Returns the event of a dead letter as text to be edited: indented, and with its type.
 * @param {any} letter
 */
function editable({ payload, type_code: code }) {
  try {
    const event = JSON.parse(payload);
    const isPlain = event && typeof event === 'object' && !Array.isArray(event);
    // The subject or a header named the type.
    const isNamed =
      !isPlain || !code || ['type', 'topic', 'specversion'].some((one) => one in event);
    return JSON.stringify(isNamed ? event : { type: code, ...event }, null, 2);
  } catch {
    return payload;
  }
}

/**
 * Publishes an edited event. Throws unless each of its events has made something.
 * @param {string} text
 */
async function publish(text) {
  let body;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Error(t('This is not JSON: {why}', { why: /** @type {Error} */ (error).message }), {
      cause: error,
    });
  }
  const { json } = await call('POST', '/api/v1/events', { body, query: { strict: 'true' } });
  const lost = json.results.find((/** @type {any} */ one) => one.outcome !== 'accepted');
  if (!lost) return;
  if (lost.outcome === 'duplicate')
    throw new Error(t('An event with the same identity was processed before.'));
  throw new Error(lost.reason ? eventReason(lost.reason, null) : t(lost.outcome));
}

/** Card of a dead letter. */
export class Card {
  #letter;
  #path;
  #gone;
  #failure = h('p', { class: 'alert', role: 'alert', hidden: true });
  #editor = h('div', { class: 'stack', hidden: true });
  /** Text area of the open editor. @type {HTMLTextAreaElement | null} */
  #area = null;
  /** Text of the editor when it was opened. */
  #before = '';
  element;

  /**
   * @param {any} letter
   * @param {(card: Card) => Promise<void>} gone  Called when the dead letter is no longer kept.
   */
  constructor(letter, gone) {
    this.#letter = letter;
    this.#path = `/api/v1/admin/dead-letters/${letter.id}`;
    this.#gone = gone;
    this.element = this.#draw();
  }

  /** True while the event is open in the editor. */
  get isOpen() {
    return this.#area !== null;
  }

  /** True if the event was changed in the editor. */
  get isEdited() {
    return this.#area !== null && this.#area.value !== this.#before;
  }

  /** Closes the editor. Changes are lost. */
  close() {
    this.#area = null;
    this.#editor.hidden = true;
    this.#editor.replaceChildren();
  }

  #mayClose() {
    return !this.isEdited || confirm(t('Discard your changes?'));
  }

  /** @param {() => Promise<void>} act */
  async #try(act) {
    this.#failure.hidden = true;
    try {
      await act();
    } catch (error) {
      if (!(error instanceof Error) || error instanceof NotAllowed) throw error;
      this.#failure.hidden = false;
      this.#failure.textContent = t('Failed: {why}', { why: error.message });
    }
  }

  #replay() {
    return this.#try(async () => {
      if (!this.#mayClose()) return;
      const { json } = await call('POST', `${this.#path}/replay`);
      announce(t('Replayed: {outcome}.', { outcome: t(json.outcome) }));
      await this.#gone(this);
    });
  }

  async #discard() {
    const question = t(
      'Discard this dead letter? Its event is not processed. A copy stays in the audit.',
    );
    if (!confirm(question)) return;
    await call('DELETE', this.#path);
    announce(t('Discarded.'));
    await this.#gone(this);
  }

  /** Publishes the edited event, and then discards the dead letter. */
  #publish(/** @type {string} */ text) {
    return this.#try(async () => {
      await publish(text);
      this.close();
      try {
        await call('DELETE', this.#path);
      } catch (error) {
        // Somebody else may have discarded it.
        if (!(error instanceof Refused && error.status === 404)) throw error;
      }
      announce(t('The edited event is published, and the dead letter is discarded.'));
      await this.#gone(this);
    });
  }

  /** Opens the editor of the event. */
  #edit() {
    if (!this.#mayClose()) return;
    const value = editable(this.#letter);
    const rows = Math.min(24, value.split('\n').length + 1);
    const area = h('textarea', { value, rows, spellcheck: false, dir: 'ltr' });
    const close = () => {
      if (this.#mayClose()) this.close();
    };
    this.#editor.replaceChildren(
      field(t('Event (JSON)'), area, t('It is published as a new event of yours.')),
      h(
        'div',
        { class: 'bar' },
        button(t('Publish and discard'), () => this.#publish(area.value), { class: 'primary' }),
        button(t('Cancel'), close, { class: 'quiet' }),
      ),
    );
    this.#editor.hidden = false;
    this.#area = area;
    // The browser may have normalized its line ends.
    this.#before = area.value;
    area.focus();
  }

  #draw() {
    const letter = this.#letter;
    const name = letter.subject ?? letter.source;
    const summary = h('summary', {}, letter.truncated ? t('First 64 KiB') : t('Event'));
    return h(
      'article',
      { class: 'card stack', 'aria-label': name },
      h(
        'div',
        { class: 'bar' },
        h('strong', { class: 'code' }, name),
        h('span', { class: 'badge bad', title: letter.kind }, kindName(letter.kind)),
        letter.type_code ? typeLink(letter) : null,
        when(letter.received_at),
      ),
      h('p', {}, reasonText(letter.reason)),
      h('details', {}, summary, h('pre', { tabIndex: 0 }, letter.payload)),
      this.#failure,
      this.#editor,
      h(
        'div',
        { class: 'bar' },
        button(t('Replay'), () => this.#replay(), { disabled: letter.truncated }),
        button(t('Edit the event'), () => this.#edit(), { disabled: letter.truncated }),
        h('span', { class: 'gap' }),
        button(t('Discard'), () => this.#discard(), { class: 'danger' }),
      ),
    );
  }
}
