import { h } from './dom.js';
import { TIMES_CHANGED, timeText } from './settings.js';
import { number as numberText, t } from './translations.js';

/** Size of the drawing in its own units, and the space for the axes. */
const WIDTH = 480;
const HEIGHT = 150;
const LEFT = 44;
const BOTTOM = 20;
const TOP = 8;
const RIGHT = 8;

/** Number of labels on the axes. */
const TIMES = 3;
const LEVELS = 2;

/** Span from which the labels have the day, in milliseconds. */
const DAY = 86_400_000;

/** @typedef {{ at: number, value: number | null }} Point */

/** @param {number | null | undefined} number */
export const written = (number) =>
  number === null || number === undefined ? '–' : numberText(Math.round(number * 10) / 10);

/**
 * Returns a round number that is at least as large.
 * @param {number} value
 */
function roundUp(value) {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((one) => one * power >= value) ?? 10;
  return step * power;
}

/**
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function svg(name, attributes, text) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

/** Chart of values over time with axes, and a tooltip for mouse, touch and keyboard. */
export class Chart {
  element;
  #points;
  #unit;
  #name;
  #tip = h('output', { class: 'tip', hidden: true });
  #drawing = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true' });
  #cursor = svg('g', { class: 'cursor', visibility: 'hidden' });
  #plot;
  #top;
  #at = -1;

  /**
   * @param {string} name
   * @param {Point[]} points  In the order of their times.
   * @param {string} unit
   */
  constructor(name, points, unit) {
    this.#name = name;
    this.#points = points;
    this.#unit = unit;
    this.#top = roundUp(Math.max(0, ...points.map(({ value }) => value ?? 0)));
    this.#plot = h('div', {
      class: 'plot',
      role: 'slider',
      tabIndex: 0,
      'aria-label': name,
      'aria-valuemin': 0,
      'aria-valuemax': Math.max(0, points.length - 1),
    });
    this.#plot.append(this.#drawing, this.#tip);
    const last = points.at(-1)?.value;
    this.element = h(
      'section',
      { class: 'card chart', 'aria-label': name },
      h('h3', {}, name),
      h('p', {}, h('strong', {}, written(last)), h('span', { class: 'muted' }, ` ${unit}`)),
      this.#plot,
    );
    this.#draw();
    this.#announceValue(points.length - 1);
    this.#listen();
  }

  /** Keeps the chosen point of the chart that this one replaces. @param {Chart} before */
  adopt(before) {
    if (before.#at < 0) return;
    const { at } = before.#points[before.#at];
    const index = this.#points.findIndex((point) => point.at === at);
    if (index >= 0) this.#show(index);
    if (before.#plot === document.activeElement)
      queueMicrotask(() => this.#plot.focus({ preventScroll: true }));
  }

  /** @param {number} at */
  #x(at) {
    const [first, last] = [this.#points[0].at, this.#points[this.#points.length - 1].at];
    const share = last > first ? (at - first) / (last - first) : 1;
    return LEFT + share * (WIDTH - LEFT - RIGHT);
  }

  /** @param {number} value */
  #y(value) {
    return HEIGHT - BOTTOM - (value / this.#top) * (HEIGHT - BOTTOM - TOP);
  }

  /** @param {number} at */
  #time(at) {
    const points = this.#points;
    const long = points[points.length - 1].at - points[0].at > DAY;
    /** @type {Intl.DateTimeFormatOptions} */
    const clock = { hour: '2-digit', minute: '2-digit' };
    return timeText(at, long ? { day: 'numeric', month: 'short', ...clock } : clock);
  }

  #draw() {
    this.#drawing.replaceChildren();
    for (let level = 0; level <= LEVELS; level += 1) {
      const value = (this.#top * level) / LEVELS;
      const y = this.#y(value);
      const line = { class: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y };
      const label = { x: LEFT - 6, y: y + 4, 'text-anchor': 'end' };
      this.#drawing.append(svg('line', line), svg('text', label, written(value)));
    }
    if (!this.#points.length) return;
    this.#drawTimes();
    const places = this.#points
      .filter(({ value }) => value !== null)
      .map(({ at, value }) => `${this.#x(at).toFixed(1)},${this.#y(value ?? 0).toFixed(1)}`);
    if (places.length) {
      const floor = HEIGHT - BOTTOM;
      const ends = [places[0], places[places.length - 1]].map((place) => place.split(',')[0]);
      const area = `${ends[0]},${floor} ${places.join(' ')} ${ends[1]},${floor}`;
      this.#drawing.append(
        svg('polygon', { points: area }),
        svg('polyline', { points: places.join(' ') }),
      );
    }
    this.#drawing.append(this.#cursor);
  }

  #drawTimes() {
    const [first, last] = [this.#points[0].at, this.#points[this.#points.length - 1].at];
    const anchors = ['start', 'middle', 'end'];
    for (let index = 0; index < (last > first ? TIMES : 1); index += 1) {
      const at = first + ((last - first) * index) / (TIMES - 1);
      const anchor = last > first ? anchors[index] : 'end';
      const label = { x: this.#x(at), y: HEIGHT - 4, 'text-anchor': anchor };
      this.#drawing.append(svg('text', label, this.#time(at)));
    }
  }

  #listen() {
    const plot = this.#plot;
    const near = (/** @type {PointerEvent} */ event) => {
      if (!this.#points.length) return;
      const box = this.#drawing.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * WIDTH;
      let best = 0;
      this.#points.forEach((point, index) => {
        const isNearer =
          Math.abs(this.#x(point.at) - x) < Math.abs(this.#x(this.#points[best].at) - x);
        if (isNearer) best = index;
      });
      this.#show(best);
    };
    plot.onpointermove = plot.onpointerdown = near;
    plot.onpointerleave = (/** @type {PointerEvent} */ event) => {
      // A touch leaves at its end, and what it shows stays to be read.
      if (event.pointerType === 'mouse') this.#hide();
    };
    plot.onblur = () => this.#hide();
    plot.onfocus = () => {
      if (this.#at < 0 && plot.matches(':focus-visible')) this.#show(this.#points.length - 1);
    };
    plot.onkeydown = (/** @type {KeyboardEvent} */ event) => this.#key(event);
    const redraw = () => {
      if (!plot.isConnected) removeEventListener(TIMES_CHANGED, redraw);
      else this.#draw();
    };
    addEventListener(TIMES_CHANGED, redraw);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#points.length - 1;
    const at = this.#at < 0 ? last : this.#at;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (event.key === 'Escape') this.#hide();
    if (to === undefined || last < 0) return;
    event.preventDefault();
    this.#show(Math.min(Math.max(to, 0), last));
  }

  /** @param {number} index */
  #show(index) {
    const point = this.#points[index];
    if (!point) return;
    this.#at = index;
    const x = this.#x(point.at);
    const line = { x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM };
    this.#cursor.replaceChildren(svg('line', line));
    if (point.value !== null)
      this.#cursor.append(svg('circle', { cx: x, cy: this.#y(point.value), r: 4 }));
    this.#cursor.setAttribute('visibility', 'visible');
    this.#tip.hidden = false;
    this.#tip.replaceChildren(
      h('strong', {}, `${written(point.value)} ${this.#unit}`),
      h('small', {}, timeText(point.at, { dateStyle: 'medium', timeStyle: 'short' })),
    );
    const share = x / WIDTH;
    this.#tip.style.insetInlineStart = `${share * 100}%`;
    this.#tip.style.translate = `${-share * 100}% 0`;
    this.#announceValue(index);
  }

  /** @param {number} index */
  #announceValue(index) {
    const point = this.#points[index];
    this.#plot.setAttribute('aria-valuenow', String(Math.max(0, index)));
    const text = point
      ? `${written(point.value)} ${this.#unit}, ${timeText(point.at)}`
      : t('no values yet');
    this.#plot.setAttribute('aria-valuetext', text);
  }

  #hide() {
    this.#at = -1;
    this.#tip.hidden = true;
    this.#cursor.setAttribute('visibility', 'hidden');
  }

  get name() {
    return this.#name;
  }
}
