import { Refused } from './api.js';
import { h } from './dom.js';
import { fieldText } from './hub-text.js';

/** Number of the last error, for IDs. */
let last = 0;

/**
 * Runs an action of a form and shows its errors at the fields that they name: elements with the
 * attribute `data-field`. The error is thrown again.
 * @param {HTMLElement} form
 * @param {() => Promise<void>} act
 */
export async function withFieldErrors(form, act) {
  clearErrors(form);
  try {
    await act();
  } catch (error) {
    if (error instanceof Refused) {
      const first = markErrors(form, error.problem?.errors ?? []);
      first?.focus();
      // The bottom of a form is covered by its buttons.
      first?.scrollIntoView({ block: 'center' });
    }
    throw error;
  }
}

/**
 * Removes the errors from the fields of a form.
 * @param {HTMLElement} form
 */
export function clearErrors(form) {
  for (const note of form.querySelectorAll('.error')) note.remove();
  for (const place of form.querySelectorAll('[data-invalid]')) {
    for (const name of ['data-invalid', 'aria-invalid', 'aria-describedby'])
      place.removeAttribute(name);
  }
}

/**
 * Shows errors at the fields that they name. Returns the first control.
 * @param {HTMLElement} form
 * @param {Array<{ field?: string, detail: string, code?: string }>} errors
 * @returns {HTMLElement | undefined}
 */
export function markErrors(form, errors) {
  const marked = errors.map((error) => {
    // A path such as `escalate[0].after` belongs to the field that it begins with.
    const name = error.field?.split(/[.[]/)[0];
    const place = name && form.querySelector(`[data-field="${CSS.escape(name)}"]`);
    return place ? mark(/** @type {HTMLElement} */ (place), fieldText(error)) : null;
  });
  return marked.find((control) => control !== null) ?? undefined;
}

/**
 * Shows an error at a control, or at the first control of a group. Returns that control.
 * @param {HTMLElement} place
 * @param {string} detail
 * @returns {HTMLElement | null}
 */
function mark(place, detail) {
  const id = `field-error-${++last}`;
  for (let parent = place.closest('details'); parent;) {
    parent.open = true;
    parent = parent.parentElement?.closest('details') ?? null;
  }
  place.setAttribute('data-invalid', '');
  place.setAttribute('aria-describedby', id);
  if (place.matches('input, select, textarea')) {
    place.setAttribute('aria-invalid', 'true');
    // Hidden as a part of the label, because it is the description already.
    place.after(h('small', { id, class: 'error', 'aria-hidden': 'true' }, detail));
    return place;
  }
  const note = h('p', { id, class: 'error' }, detail);
  const head = place.querySelector(':scope > summary, :scope > legend');
  if (head) head.after(note);
  else place.prepend(note);
  return place.querySelector('input, select, textarea, button');
}
