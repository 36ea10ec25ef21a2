import { h, when } from './dom.js';
import { t } from './words.js';

/**
 * Returns how a notification was delivered live.
 * @param {any} live
 */
function told(live) {
  if (live.how === 'pushed')
    return h(
      'span',
      { title: live.connections.join('\n') },
      t('pushed, connections: {n}', { n: live.connections.length }),
      ' ',
      when(live.at),
    );
  if (live.how === 'limited') return t('over the live limit: summed up with others');
  if (live.how === 'not_connected') return t('nobody was connected: it waited in the inbox');
  return t('how it was shown is not known any more');
}

/**
 * Returns the delivery steps of one recipient.
 * @param {any} reader
 */
function reached(reader) {
  const name = h(
    'a',
    { href: `#inbox/${encodeURIComponent(reader.user_id)}`, class: 'code' },
    reader.user_id,
  );
  if (reader.outcome === 'muted')
    return h('li', { class: 'stop' }, name, ' ', t('has muted this type, so nothing was stored'));
  const steps = [
    [
      t('stored'),
      reader.revision ? t('revision {n}', { n: reader.revision }) : t('deleted since'),
      true,
    ],
    [
      t('shown'),
      reader.quiet
        ? h('span', {}, t('in quiet hours, without a toast'), ', ', told(reader.live))
        : told(reader.live),
      reader.live.how === 'pushed',
    ],
    [t('seen'), when(reader.seen_at), Boolean(reader.seen_at)],
    [t('read'), when(reader.read_at), Boolean(reader.read_at)],
    [t('followed'), when(reader.clicked_at), Boolean(reader.clicked_at)],
  ];
  return h(
    'li',
    {},
    h(
      'div',
      { class: 'bar' },
      name,
      reader.variant ? h('span', { class: 'badge' }, reader.variant) : null,
      h('span', { class: 'muted' }, reader.message ?? ''),
    ),
    h(
      'ol',
      { class: 'steps' },
      ...steps.map(([step, how, done]) =>
        h('li', { class: done ? 'done' : '' }, h('strong', {}, step), h('small', {}, how || '–')),
      ),
    ),
  );
}

/**
 * Returns the card of an event's delivery trace.
 * @param {any} walk
 */
export function walkCard(walk) {
  const good = walk.outcome === 'accepted';
  return h(
    'article',
    { class: 'card stack', 'aria-label': walk.event_id },
    h(
      'div',
      { class: 'bar' },
      h('span', { class: `badge ${good ? 'changed' : 'bad'}` }, walk.outcome),
      h('strong', { class: 'code' }, walk.code),
      h(
        'a',
        { href: `#explain/${encodeURIComponent(walk.event_id)}`, class: 'code' },
        walk.event_id,
      ),
      when(walk.received_at),
      h(
        'span',
        { class: 'muted' },
        t('by {who}', { who: [walk.source, walk.publisher].filter(Boolean).join(', ') }),
      ),
    ),
    walk.reason ? h('p', {}, h('strong', {}, walk.reason.code), `: ${walk.reason.detail}.`) : null,
    good
      ? h(
          'p',
          { class: 'muted' },
          t('Stored for {reached}, muted by {muted}.', {
            reached: walk.reached_count,
            muted: walk.muted_count,
          }),
        )
      : null,
    walk.recipients.length ? h('ul', { class: 'walk' }, ...walk.recipients.map(reached)) : null,
  );
}

/**
 * Returns a note about how many events the hub remembers.
 * @param {any} kept
 */
export function keptNote(kept) {
  return h(
    'p',
    { class: 'muted' },
    kept.events
      ? t('This hub ({hub}) remembers its last {events} events, for {minutes} minutes.', {
          hub: kept.instance,
          events: kept.events.toLocaleString(),
          minutes: kept.minutes,
        })
      : t('This hub does not remember events: [explain] is off.'),
  );
}
