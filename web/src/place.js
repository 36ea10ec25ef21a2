/** Gap between panel and bell, and between panel and viewport, in CSS pixels. */
const GAP = 8;

/** Viewport width below which the panel is a bottom sheet, in CSS pixels. */
const SHEET_BELOW = 480;

/** Size of the panel where there is room, in CSS pixels. */
const WIDTH = 384;
const HEIGHT = 544;

/**
 * Minimum room on the preferred side, in CSS pixels; with less, the panel opens on the larger side.
 */
const ROOM_MIN = 320;

/**
 * Places the panel beside its bell, inside the viewport. It is in the top layer, so the page does
 * not clip it.
 * @param {HTMLElement} panel
 * @param {HTMLElement} bell
 * @param {string | null} placement  `bottom-start`, `bottom-end`, `top-start` or `top-end`;
 *   otherwise where there is room.
 */
export function placePanel(panel, bell, placement) {
  const { clientWidth: width, clientHeight: height } = document.documentElement;
  const sheet = width < SHEET_BELOW;
  panel.classList.toggle('sheet', sheet);
  const { style } = panel;
  style.left = style.top = style.bottom = style.inlineSize = style.maxBlockSize = '';
  if (sheet) return;

  const at = bell.getBoundingClientRect();
  const [below, above] = [height - at.bottom - 2 * GAP, at.top - 2 * GAP];
  const wanted = placement?.startsWith('top') ? above : below;
  const other = placement?.startsWith('top') ? below : above;
  const room = wanted >= ROOM_MIN || wanted >= other ? wanted : other;
  const up = room === above && room !== below;
  // When the bell is scrolled out of view, the panel stays readable.
  const tall = Math.max(ROOM_MIN / 2, Math.min(HEIGHT, room));
  style.maxBlockSize = `${Math.min(tall, height - 2 * GAP)}px`;
  const clamp = (/** @type {number} */ value, /** @type {number} */ most) =>
    Math.max(GAP, Math.min(value, most));
  if (up) style.bottom = `${clamp(height - at.top + GAP, height - tall - GAP)}px`;
  else style.top = `${clamp(at.bottom + GAP, height - tall - GAP)}px`;

  const wide = Math.min(WIDTH, width - 2 * GAP);
  style.inlineSize = `${wide}px`;
  const rtl = getComputedStyle(panel).direction === 'rtl';
  const start = placement?.endsWith('start') ?? false;
  const fits = (/** @type {number} */ left) => left >= GAP && left + wide <= width - GAP;
  // Aligned edges of panel and bell.
  const [leftEdges, rightEdges] = [at.left, at.right - wide];
  const [first, second] = start !== rtl ? [leftEdges, rightEdges] : [rightEdges, leftEdges];
  style.left = `${clamp(!fits(first) && fits(second) ? second : first, width - wide - GAP)}px`;
}
