import { say, t } from './page.js';

/**
 * Course with its free seats.
 * @typedef {object} Course
 * @property {string} id
 * @property {string} name
 * @property {string} when
 * @property {number} seats
 * @property {number} left
 */

/** Booking service of these pages: free seats by course. @type {Course[]} */
export const courses = [
  { id: 'PIANO-101', name: 'Piano for beginners', when: 'Monday 18:00, room 2', seats: 6, left: 6 },
  { id: 'GUITAR-7', name: 'Guitar, fingerstyle', when: 'Tuesday 19:30, room 1', seats: 8, left: 3 },
  { id: 'DRUMS-3', name: 'Drums, odd metres', when: 'Friday 17:00, cellar', seats: 4, left: 1 },
];

/**
 * @param {HTMLElement} within
 * @param {string} selector
 * @returns {HTMLElement}
 */
export const part = (within, selector) =>
  /** @type {HTMLElement} */ (within.querySelector(selector));

/**
 * Returns a copy of a template.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function made(id) {
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById(id));
  return /** @type {HTMLElement} */ (
    /** @type {HTMLElement} */ (template.content.cloneNode(true)).firstElementChild
  );
}

/**
 * Returns the event of a booking or a cancellation; null where there is no seat.
 * @param {string} visitor
 * @param {Course} course
 * @param {number} by
 */
function bookingEvent(visitor, course, by) {
  const left = course.left + by;
  if (left < 0 || left > course.seats) return null;
  course.left = left;
  const data = {
    course_id: course.id,
    schedule_id: `${course.id}-1`,
    slots_remaining: left,
    student_id: visitor,
  };
  return {
    topic: by < 0 ? 'booking.created' : 'booking.cancelled',
    timestamp: new Date().toISOString(),
    payload: { action: by < 0 ? 'created' : 'cancelled', data },
  };
}

/**
 * @param {HTMLElement} card
 * @param {Course} course
 * @param {number} left
 */
function draw(card, course, left) {
  card.classList.toggle('full', left === 0);
  const disable = (/** @type {string} */ name, /** @type {boolean} */ disabled) => {
    /** @type {HTMLButtonElement} */ (part(card, `[data-do=${name}]`)).disabled = disabled;
  };
  disable('book', left === 0);
  disable('cancel', left === course.seats);
  say(part(card, '.seats span'), left === 1 ? 'seat left' : 'seats left');
}

/**
 * Returns the card of a course, which shows its free seats as they change.
 * @param {string} visitor
 * @param {Course} course
 * @param {(event: object) => void} publish
 */
export function courseCard(visitor, course, publish) {
  const card = made('course');
  card.setAttribute('filter-course_id', course.id);
  card.dataset.course = course.id;
  say(part(card, 'h3'), course.name);
  say(part(card, '.muted'), course.when);
  part(card, '[data-field]').textContent = String(course.left);
  for (const [name, by, text] of /** @type {Array<[string, number, string]>} */ ([
    ['book', -1, 'Book'],
    ['cancel', 1, 'Cancel'],
  ])) {
    const button = /** @type {HTMLButtonElement} */ (part(card, `[data-do=${name}]`));
    say(button, text);
    const label = () =>
      button.setAttribute('aria-label', `${t(text)} ${t(course.name)}, ${visitor}`);
    label();
    document.addEventListener('demo:choice', label);
    button.onclick = () => {
      const event = bookingEvent(visitor, course, by);
      if (event) publish(event);
    };
  }
  draw(card, course, course.left);
  // The element writes the number; the page highlights the change.
  card.addEventListener('lonceng:message', (event) => {
    const { data } = /** @type {CustomEvent} */ (event).detail;
    course.left = Number(data.slots_remaining);
    draw(card, course, course.left);
    if (!matchMedia('(prefers-reduced-motion: reduce)').matches)
      part(card, '.seats').animate([{ transform: 'scale(1.18)' }, { transform: 'none' }], {
        duration: 260,
        easing: 'ease-out',
      });
  });
  return card;
}
