import { connectFeed } from '/lonceng.js';
import { courseCard, courses, made, part } from './courses.js';
import { translate } from './page.js';

/** Maximum number of lines in the administrator's log. */
const LOG_MAX = 12;

/**
 * Publishes an event, as a booking service would.
 * @param {object} event
 */
async function publish(event) {
  const response = await fetch('/api/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  if (!response.ok) throw new Error((await response.json()).detail);
}

/** @param {string} visitor */
function visitor(visitor) {
  const desk = made('visitor');
  desk.dataset.person = visitor;
  part(desk, '.avatar').textContent = visitor.slice(0, 1);
  part(desk, 'h2').textContent = visitor;
  for (const course of courses)
    part(desk, '.body').append(courseCard(visitor, course, (event) => void publish(event)));
  return desk;
}

function administrator() {
  const desk = made('admin');
  desk.dataset.person = 'admin';
  const log = part(desk, '.log');
  connectFeed({ userId: 'admin', role: 'admin' }).addEventListener('message', (event) => {
    part(desk, '.nothing').hidden = true;
    const { type, data, timestamp } = event.detail;
    const line = document.createElement('li');
    const [name, when, what] = ['strong', 'time', 'code'].map((tag) => document.createElement(tag));
    name.textContent = type;
    when.textContent = new Date(timestamp).toLocaleTimeString();
    what.textContent = Object.entries(data)
      .map(([key, value]) => `${key}: ${value}`)
      .join('\n');
    line.append(name, when, what);
    log.prepend(line);
    while (log.children.length > LOG_MAX) log.lastElementChild?.remove();
  });
  return desk;
}

document.getElementById('desks')?.append(visitor('sari'), visitor('joko'), administrator());
translate(document);
