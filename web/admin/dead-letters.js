import { call, get } from './api.js';
import { card } from './dead-letter-card.js';
import { button, h, runAction } from './dom.js';
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

/** Interval of polling a job, in milliseconds. */
const POLL_INTERVAL = 500;

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
  const list = h('div', { class: 'stack' });
  const more = h('button', { type: 'button', hidden: true }, t('Load older'));
  const replay = button(t('Replay all that match'), () => replayAll());
  const progress = h('div', { class: 'card stack', hidden: true });
  /** @type {string | null} */
  let cursor = null;
  let left = false;
  const load = async (fresh = true) => {
    const filter = { q: search.value, kind: kind.value, limit: '20' };
    const page = await get('dead-letters', {
      ...filter,
      cursor: fresh ? undefined : (cursor ?? undefined),
    });
    cursor = page.next_cursor;
    more.hidden = !cursor;
    const cards = page.dead_letters.map((/** @type {any} */ letter) => card(letter, load));
    replay.hidden = fresh && !cards.length;
    const none =
      search.value || kind.value
        ? t('No dead letter matches.')
        : t('No dead letters. Events that HTTP refused are in Activity.');
    if (fresh) list.replaceChildren(...(cards.length ? cards : [h('p', { class: 'empty' }, none)]));
    else list.append(...cards);
  };
  const follow = async (/** @type {any} */ job) => {
    await showProgress(job, progress, () => left);
    if (!left) await load();
  };
  const replayAll = async () => {
    if (!confirm(t('Replay all that match?'))) return;
    const query = { q: search.value, kind: kind.value };
    await follow((await call('POST', '/api/v1/admin/dead-letters/replay', { query })).json);
  };
  // An event that is being edited goes with the list.
  const filter = () => void (mayLeave() && runAction(load));
  search.addEventListener('input', filter);
  kind.addEventListener('change', filter);
  more.addEventListener('click', () => void runAction(() => load(false)));
  place.append(h('div', { class: 'bar' }, search, kind, replay), progress, list, more);
  await load();
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
