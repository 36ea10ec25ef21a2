import { backToActivity } from './activity.js';
import { get } from './api.js';
import { h, incompleteNote, runAction } from './dom.js';
import { kindName, reasonText } from './hub-text.js';
import { memoryNote, traceCard, typesOf } from './trace.js';
import { t } from './translations.js';

/** @param {any} letter */
function letterCard({ subject, source, kind, reason, payload }) {
  return h(
    'article',
    { class: 'card stack', 'aria-label': subject ?? source },
    h(
      'div',
      { class: 'bar' },
      h('span', { class: 'badge bad', title: kind }, kindName(kind)),
      h('a', { href: '#dead-letters' }, t('Dead letter')),
    ),
    h('p', {}, reasonText(reason)),
    h('pre', { tabIndex: 0 }, payload),
  );
}

/**
 * Page *Explain*: the delivery trace of an event.
 * @param {HTMLElement} place
 */
export async function explain(place) {
  const id = h('input', {
    type: 'search',
    required: true,
    placeholder: t('ID of an event or a notification'),
    'aria-label': t('ID of the event'),
  });
  const list = h('div', { class: 'stack', 'aria-live': 'polite' });
  const look = async () => {
    const wanted = id.value.trim();
    if (!wanted) return;
    history.replaceState(null, '', `#explain/${encodeURIComponent(wanted)}`);
    const answer = await get('explain', { event: wanted });
    const letters = answer.dead_letters.map(letterCard);
    const types = await typesOf(answer.events);
    const traces = answer.events.map((/** @type {any} */ trace) => traceCard(trace, types));
    const found = [...traces, ...letters];
    list.replaceChildren(
      ...(found.length
        ? found
        : [
            h(
              'p',
              { class: 'empty' },
              t(
                'This hub does not remember such an event: it never arrived here, or too long ago.',
              ),
            ),
          ]),
      memoryNote(answer.kept),
      ...[incompleteNote(answer.incomplete)].filter((note) => note !== null),
    );
  };
  place.append(
    backToActivity(),
    h(
      'p',
      { class: 'muted' },
      t('How an event was delivered. For everything about one user, see'),
      ' ',
      h('a', { href: '#inbox' }, t('Inbox of a user')),
      '.',
    ),
    h(
      'form',
      {
        class: 'bar',
        role: 'search',
        onsubmit: (/** @type {Event} */ event) => {
          event.preventDefault();
          void runAction(look);
        },
      },
      id,
      h('button', { class: 'primary' }, t('Explain')),
    ),
    list,
  );
  id.value = decodeURIComponent(location.hash.split('/')[1] ?? '');
  await look();
}
