import { call, get } from './api.js';
import { h, say, trying, when } from './dom.js';
import { t } from './words.js';

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
const EVERY = 500;

/** @param {HTMLElement} place */
export async function deadLetters(place) {
  const search = h('input', {
    type: 'search',
    placeholder: t('Reason, subject or payload'),
    'aria-label': t('Search dead letters'),
  });
  const kind = h(
    'select',
    { 'aria-label': t('Kind') },
    ...KINDS.map((one) => h('option', { value: one }, one || t('every kind'))),
  );
  const list = h('div', { class: 'stack' });
  const more = h('button', { type: 'button', hidden: true }, t('Older ones'));
  const all = h(
    'button',
    { type: 'button', onclick: () => void trying(replayAll) },
    t('Replay all that match'),
  );
  const work = h('div', { class: 'card stack', hidden: true });
  /** @type {string | null} */
  let cursor = null;
  let gone = false;
  const load = async (fresh = true) => {
    const page = await get('dead-letters', {
      q: search.value,
      kind: kind.value,
      cursor: fresh ? undefined : (cursor ?? undefined),
      limit: '20',
    });
    cursor = page.next_cursor;
    more.hidden = !cursor;
    const cards = page.dead_letters.map(card);
    all.hidden = fresh && !cards.length;
    const none =
      search.value || kind.value
        ? t('None has that in it.')
        : t('None. Every event could be taken.');
    if (fresh) list.replaceChildren(...(cards.length ? cards : [h('p', { class: 'empty' }, none)]));
    else list.append(...cards);
  };
  const replayAll = async () => {
    if (!confirm(t('Take all that match once more?'))) return;
    const query = { q: search.value, kind: kind.value };
    await follow((await call('POST', '/api/v1/admin/dead-letters/replay', { query })).json);
  };
  const follow = async (/** @type {any} */ job) => {
    const bar = h('progress', {
      max: Math.max(1, job.total),
      value: job.done,
      'aria-label': t('Replayed'),
    });
    const said = h('p', { role: 'status' });
    const stop = h(
      'button',
      {
        type: 'button',
        onclick: () =>
          void trying(async () => void (await call('DELETE', `/api/v1/admin/jobs/${job.id}`))),
      },
      t('Stop'),
    );
    work.hidden = false;
    work.replaceChildren(said, bar, stop);
    while (!gone) {
      const now = await get(`jobs/${job.id}`);
      bar.value = now.done;
      said.textContent = t('{done} of {total}: {succeeded} taken, {failed} still bad.', now);
      if (now.ended_at) {
        stop.remove();
        if (now.last_error) work.append(h('p', { class: 'alert' }, now.last_error));
        break;
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
    if (!gone) await load();
  };
  const card = (/** @type {any} */ letter) => {
    const name = letter.subject ?? letter.source;
    const told = h('p', { class: 'alert', hidden: true });
    const own = h(
      'article',
      { class: 'card stack', 'aria-label': name },
      h(
        'div',
        { class: 'bar' },
        h('strong', { class: 'code' }, name),
        h('span', { class: 'badge bad' }, letter.kind),
        when(letter.received_at),
      ),
      h('p', {}, letter.reason),
      h(
        'details',
        {},
        h('summary', {}, letter.truncated ? t('The first 64 KiB of it') : t('The event')),
        h('pre', { tabIndex: 0 }, letter.payload),
      ),
      told,
      h(
        'div',
        { class: 'bar' },
        h(
          'button',
          {
            type: 'button',
            disabled: letter.truncated,
            onclick: () =>
              void trying(async () => {
                try {
                  const { json } = await call(
                    'POST',
                    `/api/v1/admin/dead-letters/${letter.id}/replay`,
                  );
                  say(t('Replayed: {outcome}.', json));
                  await load();
                } catch (error) {
                  told.hidden = false;
                  told.textContent = t('Still not: {why}', {
                    why: /** @type {Error} */ (error).message,
                  });
                }
              }),
          },
          t('Replay'),
        ),
        h(
          'button',
          {
            type: 'button',
            class: 'quiet',
            onclick: () =>
              void trying(async () => {
                await call('DELETE', `/api/v1/admin/dead-letters/${letter.id}`);
                say(t('Discarded.'));
                await load();
              }),
          },
          t('Discard'),
        ),
      ),
    );
    return own;
  };
  search.addEventListener('input', () => void trying(load));
  kind.addEventListener('change', () => void trying(load));
  more.addEventListener('click', () => void trying(() => load(false)));
  place.append(h('div', { class: 'bar' }, search, kind, all), work, list, more);
  await load();
  // A job that is already running.
  const running = (await get('jobs')).jobs.find(
    (/** @type {any} */ job) => job.kind === 'dead_letters.replay' && !job.ended_at,
  );
  if (running) void trying(() => follow(running));
  return () => {
    gone = true;
  };
}
