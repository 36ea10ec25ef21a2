import { connectFeed } from '/lonceng.js';

/** Booking service of this page: free seats by course. */
const courses = [
  { id: 'PIANO-101', name: 'Piano for beginners', when: 'Monday 18:00, room 2', seats: 6, left: 6 },
  { id: 'GUITAR-7', name: 'Guitar, fingerstyle', when: 'Tuesday 19:30, room 1', seats: 8, left: 3 },
  { id: 'DRUMS-3', name: 'Drums, odd metres', when: 'Friday 17:00, cellar', seats: 4, left: 1 },
];

/** Maximum number of lines in the administrator's log. */
const LOG_MAX = 12;

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
function made(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (
    /** @type {HTMLElement} */ (template.content.cloneNode(true)).firstElementChild
  );
}

/**
 * @param {HTMLElement} within
 * @param {string} selector
 * @returns {HTMLElement}
 */
const part = (within, selector) => /** @type {HTMLElement} */ (within.querySelector(selector));

/**
 * Publishes an event, as a booking service would.
 * @param {string} topic
 * @param {object} data
 */
async function publish(topic, data) {
  const response = await fetch('/api/v1/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      topic,
      timestamp: new Date().toISOString(),
      payload: { action: topic.split('.')[1], data },
    }),
  });
  if (!response.ok) throw new Error((await response.json()).detail);
}

/**
 * @param {string} visitor
 * @param {typeof courses[number]} course
 * @param {number} by
 */
function change(visitor, course, by) {
  const left = course.left + by;
  if (left < 0 || left > course.seats) return;
  course.left = left;
  void publish(by < 0 ? 'booking.created' : 'booking.cancelled', {
    course_id: course.id,
    schedule_id: `${course.id}-1`,
    slots_remaining: left,
    student_id: visitor,
  });
}

/**
 * @param {HTMLElement} card
 * @param {typeof courses[number]} course
 * @param {number} left
 */
function draw(card, course, left) {
  card.classList.toggle('full', left === 0);
  /** @type {HTMLButtonElement} */ (part(card, '[data-do=book]')).disabled = left === 0;
  /** @type {HTMLButtonElement} */ (part(card, '[data-do=cancel]')).disabled =
    left === course.seats;
  part(card, '.seats span').textContent = left === 1 ? 'seat left' : 'seats left';
}

/** @param {string} visitor */
function visitor(visitor) {
  const desk = made('visitor');
  desk.dataset.person = visitor;
  part(desk, '.avatar').textContent = visitor.slice(0, 1);
  part(desk, 'h2').textContent = visitor;
  for (const course of courses) {
    const card = made('course');
    card.setAttribute('filter-course_id', course.id);
    card.dataset.course = course.id;
    part(card, 'h3').textContent = course.name;
    part(card, '.muted').textContent = course.when;
    part(card, '[data-field]').textContent = String(course.left);
    for (const [name, by] of /** @type {Array<[string, number]>} */ ([
      ['book', -1],
      ['cancel', 1],
    ])) {
      const button = /** @type {HTMLButtonElement} */ (part(card, `[data-do=${name}]`));
      button.setAttribute('aria-label', `${button.textContent} ${course.name}, as ${visitor}`);
      button.onclick = () => change(visitor, course, by);
    }
    draw(card, course, course.left);
    // The element writes the number; the page highlights the change.
    card.addEventListener('lonceng:message', (event) => {
      const { data } = /** @type {CustomEvent} */ (event).detail;
      draw(card, course, Number(data.slots_remaining));
      if (!matchMedia('(prefers-reduced-motion: reduce)').matches) {
        part(card, '.seats').animate([{ transform: 'scale(1.18)' }, { transform: 'none' }], {
          duration: 260,
          easing: 'ease-out',
        });
      }
    });
    part(desk, '.body').append(card);
  }
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
