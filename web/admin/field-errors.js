import { Refused } from './api.js';
import { h } from './dom.js';
import { fieldText } from './hub-text.js';
import { t } from './translations.js';

/** @typedef {{ field?: string, detail: string, code?: string }} FieldError */

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
      // A preview may have marked them meanwhile.
      clearErrors(form);
      const first = markErrors(form, error.problem?.errors ?? []);
      // The tab of another language.
      first?.dispatchEvent(new Event('lonceng:reveal', { bubbles: true }));
      first?.focus();
      // The bottom of a form is covered by its buttons.
      first?.scrollIntoView({ block: 'center' });
      throw new Error(readable(form, error), { cause: error });
    }
    throw error;
  }
}

/**
 * Returns the element that an error names: by its path, or by the field that a path such as
 * `escalate[0].after` begins with.
 * @param {HTMLElement} form
 * @param {string} [path]
 * @returns {HTMLElement | null}
 */
export function placeOf(form, path) {
  const names = path ? [path, path.split(/[.[]/)[0]] : [];
  const found = names.map((name) => form.querySelector(`[data-field="${CSS.escape(name)}"]`));
  return /** @type {HTMLElement | null} */ (found.find(Boolean) ?? null);
}

/**
 * Returns the label that a form shows for a field, with its language.
 * @param {HTMLElement} place
 */
export function labelOf(place) {
  const heads = ':scope > summary, :scope > legend';
  const label = place.closest('.field')?.querySelector('span') ?? place.querySelector(heads);
  const text = label?.textContent ?? place.getAttribute('aria-label') ?? '';
  const panel = /** @type {HTMLElement | null} */ (place.closest('[role="tabpanel"]'));
  return panel?.dataset.language ? `${panel.dataset.name}, ${text}` : text;
}

/**
 * Returns the text of an error with the labels that the form shows, instead of the fields of the
 * API.
 * @param {HTMLElement | null} form
 * @param {any} error
 * @returns {string}
 */
export function readable(form, error) {
  if (error instanceof SyntaxError) return t('The test data is not valid JSON.');
  /** @type {FieldError[]} */
  const errors = (error instanceof Refused && error.problem?.errors) || [];
  const texts = errors.map((wrong) => {
    const { field } = wrong;
    const detail = fieldText(wrong);
    const place = form && placeOf(form, field);
    if (place) return `${labelOf(place)}: ${detail}`;
    return !field || detail.includes(field) ? detail : `${field}: ${detail}`;
  });
  return texts.length ? texts.join('; ') : error.message;
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
 * @param {FieldError[]} errors
 * @returns {HTMLElement | undefined}
 */
export function markErrors(form, errors) {
  const marked = errors.map((error) => {
    const place = placeOf(form, error.field);
    return place ? mark(place, fieldText(error)) : null;
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
