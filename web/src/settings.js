import { counted } from './messages.js';
import { askPermission, here, keep, permission } from './browser-settings.js';
import { NO_PUSH_SERVICE } from './device-push.js';
import { element } from './icons.js';
import { Matrix } from './matrix.js';

/** @import { Client } from './client.js' */
/** @import { DevicePushState } from './device-push.js' */
/** @import { Preferences } from './inbox-api.js' */
/** @import { Words } from './messages.js' */

/** Choices of the retention period, in days. */
const DAYS = [1, 3, 7, 15];

/** Form of the user's preferences. */
export class Settings {
  root = element('form', 'settings');
  /** @type {(result: string) => void} */
  #say;
  /** The last time that the form was shown. */
  #turn = {};

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
    this.forget();
    const turn = this.#turn;
    const [known, types] = await Promise.all([client.preferences(), client.types()]);
    const pushes = types.channels?.includes('push');
    const device = pushes ? await client.devicePush.state() : 'unavailable';
    // Another form, or another user, has come in the meantime.
    if (turn !== this.#turn) return;
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
    if (device !== 'unavailable' && device !== 'elsewhere')
      this.#device(browser, client, words, device);
    const quiet = this.#group(words.quiet);
    quiet.append(element('p', 'hint', words.quietHint));
    const on = this.#box(quiet, 'quiet', words.quiet, Boolean(known.quiet_hours));
    const from = this.#field(quiet, 'from', words.from, 'time', known.quiet_hours?.from ?? '22:00');
    const to = this.#field(quiet, 'to', words.to, 'time', known.quiet_hours?.to ?? '07:00');
    const rest = this.#group(words.title);
    const days = this.#days(rest, words, known.retention_days);
    const channels = this.#group(words.types);
    const matrix = new Matrix(known, types, words);
    channels.append(matrix.root);
    const digest = matrix.has('email') ? this.#digest(channels, words, known.digest) : null;
    const foot = element('div', 'foot');
    foot.append(element('button', 'save', words.save));
    this.root.append(foot);
    this.root.onsubmit = (event) => {
      event.preventDefault();
      const wanted = {
        quiet_hours: on.checked ? { from: from.value, to: to.value } : null,
        // Quiet hours are in the time zone of this browser.
        timezone: on.checked ? Intl.DateTimeFormat().resolvedOptions().timeZone : known.timezone,
        retention_days: days.value ? Number(days.value) : null,
        digest: digest ? /** @type {Preferences['digest']} */ (digest.value || null) : known.digest,
        ...matrix.value,
      };
      client.savePreferences(wanted).then(
        () => this.#say(words.saved),
        () => this.#say(words.failed),
      );
    };
  }

  /** Clears the form. */
  forget() {
    this.#turn = {};
    this.root.replaceChildren();
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
   * @param {HTMLElement} group
   * @param {Words} words
   * @param {Preferences['digest']} chosen
   */
  #digest(group, words, chosen) {
    const label = element('label', 'field', words.digest);
    const select = element('select');
    select.name = 'digest';
    const choices = [
      ['', words.digestDefault],
      ['hourly', words.hourly],
      ['daily', words.daily],
      ['off', words.never],
    ];
    select.append(...choices.map(([value, text]) => new Option(text, value)));
    select.value = chosen ?? '';
    label.append(select);
    group.append(label);
    return select;
  }

  /**
   * Adds the switch of Web Push, which takes effect at once.
   * @param {HTMLElement} group
   * @param {Client} client
   * @param {Words} words
   * @param {DevicePushState} state
   */
  #device(group, client, words, state) {
    const { devicePush } = client;
    const box = this.#box(group, 'device', words.device, state === 'on');
    box.role = 'switch';
    const hint = element('p', 'hint');
    hint.id = 'device-hint';
    box.setAttribute('aria-describedby', hint.id);
    group.append(hint);
    const draw = (/** @type {DevicePushState} */ now) => {
      box.checked = now === 'on';
      box.disabled = now === 'blocked';
      hint.textContent = now === 'blocked' ? words.blocked : words.deviceHint;
    };
    draw(state);
    let busy = false;
    box.onchange = async () => {
      const wanted = box.checked;
      if (busy) {
        box.checked = !wanted;
        return;
      }
      busy = true;
      box.setAttribute('aria-busy', 'true');
      hint.textContent = words.deviceBusy;
      try {
        const now = await (wanted ? devicePush.enable() : devicePush.disable());
        draw(now);
        this.#say(box.checked === wanted ? words.saved : words.blocked);
      } catch (error) {
        console.warn('Lonceng: Web Push', error);
        box.checked = !wanted;
        const { name } = /** @type {Error} */ (error);
        hint.textContent = name === NO_PUSH_SERVICE ? words.deviceFailed : words.failed;
        this.#say(hint.textContent);
      }
      box.removeAttribute('aria-busy');
      busy = false;
    };
  }

  /**
   * @param {HTMLInputElement} box
   * @param {Words} words
   */
  async #allowDesktop(box, words) {
    if (box.checked && (await askPermission()) !== 'granted') {
      box.checked = false;
      this.#say(words.blocked);
    }
    keep({ desktop: box.checked });
  }
}
