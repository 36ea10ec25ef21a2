import { counted } from './messages.js';
import { element } from './icons.js';

/** @import { Client } from './client.js' */
/** @import { TypeNames } from './inbox-api.js' */
/** @import { Words } from './messages.js' */
/** @import { Notification } from './inbox.js' */

/** Key of the settings of this browser in the local storage. */
const KEY = 'lonceng';

/**
 * Returns the settings of this browser; without storage they last until the page is left.
 * @returns {{ sound?: boolean, desktop?: boolean }}
 */
export function here() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}');
  } catch {
    return {};
  }
}

/** @param {object} wanted */
function keep(wanted) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...here(), ...wanted }));
  } catch {
    // Without storage it lasts until the page is left.
  }
}

/** Choices of the retention period, in days. */
const DAYS = [1, 3, 7, 15];

/** Form of the user's preferences. */
export class Settings {
  root = element('form', 'settings');
  /** @type {(result: string) => void} */
  #say;
  /** @type {string[]} */
  #muted = [];

  /** @param {(result: string) => void} say  Shows the result. */
  constructor(say) {
    this.#say = say;
  }

  /**
   * Fills the form with the stored preferences.
   * @param {Client} client
   * @param {Words} words
   */
  async show(client, words) {
    this.root.replaceChildren();
    const [known, types] = await Promise.all([client.preferences(), client.types()]);
    this.#muted = known.muted_types;
    const browser = this.#group(words.here);
    const sound = this.#box(browser, 'sound', words.sound, Boolean(here().sound));
    sound.onchange = () => keep({ sound: sound.checked });
    const desktop = this.#box(
      browser,
      'desktop',
      words.desktop,
      Boolean(here().desktop) && permission() === 'granted',
    );
    desktop.onchange = () => void this.#allowDesktop(desktop, words);
    const quiet = this.#group(words.quiet);
    quiet.append(element('p', 'hint', words.quietHint));
    const on = this.#box(quiet, 'quiet', words.quiet, Boolean(known.quiet_hours));
    const from = this.#field(quiet, 'from', words.from, 'time', known.quiet_hours?.from ?? '22:00');
    const to = this.#field(quiet, 'to', words.to, 'time', known.quiet_hours?.to ?? '07:00');
    const rest = this.#group(words.title);
    const days = this.#days(rest, words, known.retention_days);
    const muted = this.#types(types, words);
    const save = element('button', 'save', words.save);
    this.root.append(save);
    this.root.onsubmit = (event) => {
      event.preventDefault();
      const wanted = {
        quiet_hours: on.checked ? { from: from.value, to: to.value } : null,
        // Quiet hours are in the time zone of this browser.
        timezone: on.checked ? Intl.DateTimeFormat().resolvedOptions().timeZone : known.timezone,
        retention_days: days.value ? Number(days.value) : null,
        muted_types: muted().concat(this.#muted.filter((code) => !types.has(code))),
      };
      client.savePreferences(wanted).then(
        () => this.#say(words.saved),
        () => this.#say(words.failed),
      );
    };
  }

  /** @param {string} legend */
  #group(legend) {
    const group = element('fieldset', 'group');
    group.append(element('legend', '', legend));
    this.root.append(group);
    return group;
  }

  /**
   * @param {HTMLElement} group
   * @param {string} name
   * @param {string} text
   * @param {string} type
   * @param {string} value
   */
  #field(group, name, text, type, value) {
    const label = element('label', 'field', text);
    const input = element('input');
    Object.assign(input, { type, name, value });
    label.append(input);
    group.append(label);
    return input;
  }

  /**
   * @param {HTMLElement} group
   * @param {string} name
   * @param {string} text
   * @param {boolean} checked
   */
  #box(group, name, text, checked) {
    const label = element('label', 'choice');
    const input = element('input');
    Object.assign(input, { type: 'checkbox', name, checked });
    label.append(input, text);
    group.append(label);
    return input;
  }

  /**
   * @param {HTMLElement} group
   * @param {Words} words
   * @param {number | null} chosen
   */
  #days(group, words, chosen) {
    const label = element('label', 'field', words.keep);
    const select = element('select');
    select.name = 'days';
    const all = chosen && !DAYS.includes(chosen) ? [...DAYS, chosen].sort((a, b) => a - b) : DAYS;
    select.append(
      new Option(words.always, ''),
      ...all.map((n) => new Option(counted(words, 'days', n), String(n))),
    );
    select.value = chosen ? String(chosen) : '';
    label.append(select);
    group.append(label);
    return select;
  }

  /**
   * Returns the choices of types to mute.
   * @param {TypeNames} types
   * @param {Words} words
   */
  #types(types, words) {
    const offered = [...types.values()].filter((type) => !type.mandatory);
    if (offered.length === 0) return () => /** @type {string[]} */ ([]);
    const group = this.#group(words.types);
    const boxes = offered.map(({ code, name }) => ({
      code,
      box: this.#box(group, code, name, this.#muted.includes(code)),
    }));
    return () => boxes.filter(({ box }) => box.checked).map(({ code }) => code);
  }

  /**
   * @param {HTMLInputElement} box
   * @param {Words} words
   */
  async #allowDesktop(box, words) {
    if (box.checked && (await ask()) !== 'granted') {
      box.checked = false;
      this.#say(words.blocked);
    }
    keep({ desktop: box.checked });
  }
}

function permission() {
  return globalThis.Notification?.permission ?? 'denied';
}

async function ask() {
  return globalThis.Notification ? globalThis.Notification.requestPermission() : 'denied';
}

/**
 * Shows a desktop notification, if the user has enabled it.
 * @param {Notification} item
 */
export function showOnDesktop(item) {
  if (permission() !== 'granted') return;
  // The tag makes several tabs show one desktop notification.
  const shown = new globalThis.Notification(item.title, {
    body: item.message,
    tag: item.notification_id,
  });
  shown.onclick = () => {
    globalThis.focus();
    shown.close();
  };
}

/** @type {AudioContext | undefined} */
let audio;

/**
 * Plays two soft tones, synthesized.
 * @param {boolean} urgent
 */
export function chime(urgent) {
  try {
    audio ??= new AudioContext();
    void audio.resume();
    const start = audio.currentTime;
    for (const [index, pitch] of (urgent ? [880, 660, 880] : [660, 880]).entries()) {
      const [tone, volume, at] = [
        audio.createOscillator(),
        audio.createGain(),
        start + index * 0.14,
      ];
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.0001, at);
      volume.gain.exponentialRampToValueAtTime(0.12, at + 0.02);
      volume.gain.exponentialRampToValueAtTime(0.0001, at + 0.35);
      tone.connect(volume).connect(audio.destination);
      tone.start(at);
      tone.stop(at + 0.4);
    }
  } catch {
    // Audio is not available.
  }
}
