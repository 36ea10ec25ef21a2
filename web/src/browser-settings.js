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

/**
 * Changes settings of this browser.
 * @param {{ sound?: boolean, desktop?: boolean }} wanted
 */
export function keep(wanted) {
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...here(), ...wanted }));
  } catch {
    // Without storage it lasts until the page is left.
  }
}

/** Returns the permission to show desktop notifications. */
export function permission() {
  return globalThis.Notification?.permission ?? 'denied';
}

/** Asks for the permission to show desktop notifications. */
export async function askPermission() {
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
