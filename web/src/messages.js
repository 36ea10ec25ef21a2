/** @typedef {Record<string, string>} Words */

/** @type {Record<string, Words>} */
const LANGUAGES = {
  en: {
    bell: 'Notifications',
    bellUnread: 'Notifications, {n} unread',
    title: 'Notifications',
    markAll: 'Mark all as read',
    markRead: 'Mark as read',
    open: 'Open',
    dismiss: 'Dismiss',
    close: 'Close',
    older: 'Load older',
    empty: 'You are all caught up',
    emptyHint: 'New notifications appear here by themselves.',
    offline: 'No connection. Trying again …',
    denied: 'Not signed in any more. Reload the page.',
    more: '{n} more notifications',
    unread: 'unread',
    high: 'important',
  },
  id: {
    bell: 'Notifikasi',
    bellUnread: 'Notifikasi, {n} belum dibaca',
    title: 'Notifikasi',
    markAll: 'Tandai semua dibaca',
    markRead: 'Tandai dibaca',
    open: 'Buka',
    dismiss: 'Tutup',
    close: 'Tutup',
    older: 'Muat yang lebih lama',
    empty: 'Semua sudah dibaca',
    emptyHint: 'Notifikasi baru muncul di sini dengan sendirinya.',
    offline: 'Tidak tersambung. Mencoba lagi …',
    denied: 'Sesi berakhir. Muat ulang halaman.',
    more: '{n} notifikasi lagi',
    unread: 'belum dibaca',
    high: 'penting',
  },
};

/**
 * The words of a language; English where it is not known.
 * @param {string} language
 * @returns {Words}
 */
export function words(language) {
  return LANGUAGES[language.toLowerCase().split('-')[0]] ?? LANGUAGES.en;
}

/**
 * Puts a number into a sentence.
 * @param {string} text
 * @param {number} n
 */
export function withNumber(text, n) {
  return text.replace('{n}', String(n));
}
