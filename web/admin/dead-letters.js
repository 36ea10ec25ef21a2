import { call, get } from './api.js';
import { Card } from './dead-letter-card.js';
import { button, fill, h, runAction } from './dom.js';
import { guardPage, mayLeave } from './guard.js';
import { kindName, reasonText } from './hub-text.js';
import { t } from './translations.js';

/** Kinds of dead letters; the empty one stands for all. */
const KINDS = [
  '',
  'invalid_json',
  'too_large',
  'missing_field',
  'invalid_field',
  'template',
  'gave_up',
];

/** Number of dead letters per page. */
const PAGE = '20';

/** Interval of polling a job, in milliseconds. */
const POLL_INTERVAL = 500;

/** List of dead letters. An event that is being edited stays: it exists nowhere else. */
class LetterList {
  #filter;
  #list = h('div', { class: 'stack' });
  #more = button(t('Load older'), () => this.load(false), { hidden: true });
  #stale = h(
    'div',
    { class: 'bar', hidden: true },
    h('span', { class: 'muted' }, t('The list was not loaded again: an event is being edited.')),
    button(t('Refresh'), () => this.reload()),
  );
  #replay;
  /** @type {Card[]} */
  #cards = [];
  /** @type {string | null} */
  #cursor = null;
  /** Number of the latest request: an earlier one may be answered after it. */
  #latest = 0;

  /**
   * @param {() => { q: string, kind: string }} filter
   * @param {HTMLElement} replay  Button that replays all, shown while there are some.
   */
  constructor(filter, replay) {
    this.#filter = filter;
    this.#replay = replay;
    guardPage(this.#isEdited);
  }

  get elements() {
    return [this.#stale, this.#list, this.#more];
  }

  #isEdited = () => this.#cards.some((card) => card.isEdited);

  /** Loads the list as the reader wants it; asks first if an event was changed. */
  async reload() {
    if (!mayLeave()) {
      this.#stale.hidden = false;
      return;
    }
    guardPage(this.#isEdited);
    for (const card of this.#cards) card.close();
    await this.load();
  }

  /**
   * Loads the first page, or the next one. The first one does not replace an open editor.
   * @param {boolean} [fresh]
   */
  async load(fresh = true) {
    const request = ++this.#latest;
    const filter = this.#filter();
    const cursor = fresh ? undefined : (this.#cursor ?? undefined);
    const page = await get('dead-letters', { ...filter, limit: PAGE, cursor });
    if (request !== this.#latest) return;
    if (fresh && this.#cards.some((card) => card.isOpen)) {
      this.#stale.hidden = false;
      return;
    }
    this.#cursor = page.next_cursor;
    this.#more.hidden = !this.#cursor;
    const gone = (/** @type {Card} */ card) => this.#remove(card);
    const added = page.dead_letters.map((/** @type {any} */ letter) => new Card(letter, gone));
    if (fresh) {
      this.#stale.hidden = true;
      this.#cards = [];
      this.#list.replaceChildren();
    }
    this.#cards.push(...added);
    this.#list.append(...added.map((/** @type {Card} */ { element }) => element));
    this.#replay.hidden = !this.#cards.length;
    const none =
      filter.q || filter.kind
        ? t('No dead letter matches.')
        : t('No dead letters. Events that HTTP refused are in Activity.');
    if (!this.#cards.length) fill(this.#list, h('p', { class: 'empty' }, none));
  }

  /**
   * Removes the card of a dead letter that is no longer kept.
   * @param {Card} card
   */
  async #remove(card) {
    card.element.remove();
    this.#cards = this.#cards.filter((one) => one !== card);
    if (!this.#cards.length) await this.load();
  }
}

/**
 * Page *Dead letters*.
 * @param {HTMLElement} place
 */
export async function deadLetters(place) {
  const placeholder = t('Reason, subject or payload');
  const search = h('input', {
    type: 'search',
    placeholder,
    'aria-label': t('Search dead letters'),
  });
  const kinds = KINDS.map((one) =>
    h('option', { value: one }, one ? kindName(one) : t('all kinds')),
  );
  const kind = h('select', { 'aria-label': t('Kind') }, ...kinds);
  const replay = button(t('Replay all that match'), () => replayAll());
  const progress = h('div', { class: 'card stack', hidden: true });
  const filter = () => ({ q: search.value.trim(), kind: kind.value });
  const list = new LetterList(filter, replay);
  let left = false;
  const follow = async (/** @type {any} */ job) => {
    await showProgress(job, progress, () => left);
    if (!left) await list.load();
  };
  const replayAll = async () => {
    if (!confirm(t('Replay all that match?'))) return;
    const query = filter();
    await follow((await call('POST', '/api/v1/admin/dead-letters/replay', { query })).json);
  };
  const reload = () => void runAction(() => list.reload());
  search.addEventListener('input', reload);
  kind.addEventListener('change', reload);
  place.append(h('div', { class: 'bar' }, search, kind, replay), progress, ...list.elements);
  await list.load();
  // A job that is already running.
  const running = (await get('jobs')).jobs.find(
    (/** @type {any} */ job) => job.kind === 'dead_letters.replay' && !job.ended_at,
  );
  if (running) void runAction(() => follow(running));
  return () => {
    left = true;
    guardPage(null);
  };
}

/**
 * Shows the progress of a job until it ends or the page is left.
 * @param {any} job
 * @param {HTMLElement} place
 * @param {() => boolean} isLeft
 */
async function showProgress(job, place, isLeft) {
  const max = Math.max(1, job.total);
  const bar = h('progress', { max, value: job.done, 'aria-label': t('Replayed') });
  const state = h('p', { role: 'status' });
  const stop = button(t('Stop'), () => call('DELETE', `/api/v1/admin/jobs/${job.id}`));
  place.hidden = false;
  place.replaceChildren(state, bar, stop);
  while (!isLeft()) {
    const now = await get(`jobs/${job.id}`);
    bar.value = now.done;
    state.textContent = t('{done} of {total}: {succeeded} accepted, {failed} failed.', now);
    if (now.ended_at) {
      stop.remove();
      if (now.last_error) place.append(h('p', { class: 'alert' }, reasonText(now.last_error)));
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL));
  }
}
