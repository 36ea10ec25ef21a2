import { call, get } from './api.js';
import { h, say, trying, when } from './dom.js';

/** @param {HTMLElement} place */
export async function deadLetters(place) {
  const search = h('input', { type: 'search', placeholder: 'Reason, subject or payload', 'aria-label': 'Search dead letters' });
  const list = h('div', { class: 'stack' });
  const more = h('button', { type: 'button', hidden: true }, 'Older ones');
  /** @type {string | null} */
  let cursor = null;
  const load = async (fresh = true) => {
    const page = await get('dead-letters', { q: search.value, cursor: fresh ? undefined : cursor ?? undefined, limit: '20' });
    cursor = page.next_cursor;
    more.hidden = !cursor;
    const cards = page.dead_letters.map(card);
    if (fresh) list.replaceChildren(...(cards.length ? cards : [h('p', { class: 'empty' }, search.value ? 'None has that in it.' : 'None. Every event could be taken.')]));
    else list.append(...cards);
  };
  const card = (/** @type {any} */ letter) => {
    const name = letter.subject ?? letter.source;
    const told = h('p', { class: 'alert', hidden: true });
    const own = h('article', { class: 'card stack', 'aria-label': name },
      h('div', { class: 'bar' }, h('strong', { class: 'code' }, name), h('span', { class: 'badge bad' }, letter.kind), when(letter.received_at)),
      h('p', {}, letter.reason), h('details', {}, h('summary', {}, letter.truncated ? 'The first 64 KiB of it' : 'The event'), h('pre', { tabIndex: 0 }, letter.payload)), told,
      h('div', { class: 'bar' },
        h('button', {
          type: 'button', disabled: letter.truncated, onclick: () => void trying(async () => {
            try {
              const { json } = await call('POST', `/api/v1/admin/dead-letters/${letter.id}/replay`);
              say(`Replayed: ${json.outcome}.`);
              await load();
            } catch (error) {
              told.hidden = false;
              told.textContent = `Still not: ${/** @type {Error} */ (error).message}`;
            }
          }),
        }, 'Replay'),
        h('button', {
          type: 'button', class: 'quiet', onclick: () => void trying(async () => {
            await call('DELETE', `/api/v1/admin/dead-letters/${letter.id}`);
            say('Discarded.');
            await load();
          }),
        }, 'Discard')));
    return own;
  };
  search.addEventListener('input', () => void trying(load));
  more.addEventListener('click', () => void trying(() => load(false)));
  place.append(h('div', { class: 'bar' }, search), list, more);
  await load();
}
