/** @typedef {Record<string, string>} Words */

/** @type {Record<string, Words>} */
const LANGUAGES = {
  en: {
    bell: 'Notifications',
    bellUnread: 'Notifications, {n} unread',
    bellUnseen: 'Notifications, {n} new',
    title: 'Notifications',
    all: 'All',
    unreadTab: 'Unread',
    archivedTab: 'Archived',
    markAll: 'Mark all as read',
    markRead: 'Mark as read',
    markUnread: 'Mark as unread',
    archive: 'Archive',
    unarchive: 'Move to the list',
    remove: 'Delete',
    mute: 'Mute “{type}”',
    muted: 'Muted “{type}”',
    archived: 'Archived',
    removed: 'Deleted',
    undo: 'Undo',
    menu: 'More about “{title}”',
    open: 'Open',
    dismiss: 'Dismiss',
    older: 'Load older',
    empty: 'You are all caught up',
    emptyHint: 'New notifications appear here by themselves.',
    emptyUnread: 'Nothing unread',
    emptyArchived: 'Nothing is archived',
    offline: 'No connection. Trying again …',
    denied: 'Not signed in any more. Reload the page.',
    failed: 'That did not work: {why}',
    retry: 'Try again',
    more: '{n} more notifications',
    unread: 'unread',
    high: 'important',
    today: 'Today',
    yesterday: 'Yesterday',
    settings: 'Settings',
    back: 'Back',
    save: 'Save',
    saved: 'Saved',
    here: 'In this browser',
    sound: 'Play a sound',
    desktop: 'Show on the desktop',
    blocked: 'The browser does not allow it for this site.',
    quiet: 'Quiet hours',
    quietHint: 'Notifications come without a toast or a sound.',
    from: 'From',
    to: 'to',
    keep: 'Keep notifications for',
    always: 'as long as possible',
    days: '{n} days',
    types: 'Do not notify me about',
  },
  id: {
    bell: 'Notifikasi',
    bellUnread: 'Notifikasi, {n} belum dibaca',
    bellUnseen: 'Notifikasi, {n} baru',
    title: 'Notifikasi',
    all: 'Semua',
    unreadTab: 'Belum dibaca',
    archivedTab: 'Arsip',
    markAll: 'Tandai semua dibaca',
    markRead: 'Tandai dibaca',
    markUnread: 'Tandai belum dibaca',
    archive: 'Arsipkan',
    unarchive: 'Kembalikan ke daftar',
    remove: 'Hapus',
    mute: 'Bisukan “{type}”',
    muted: '“{type}” dibisukan',
    archived: 'Diarsipkan',
    removed: 'Dihapus',
    undo: 'Urungkan',
    menu: 'Lainnya tentang “{title}”',
    open: 'Buka',
    dismiss: 'Tutup',
    older: 'Muat yang lebih lama',
    empty: 'Semua sudah dibaca',
    emptyHint: 'Notifikasi baru muncul di sini dengan sendirinya.',
    emptyUnread: 'Tidak ada yang belum dibaca',
    emptyArchived: 'Arsip kosong',
    offline: 'Tidak tersambung. Mencoba lagi …',
    denied: 'Sesi berakhir. Muat ulang halaman.',
    failed: 'Tidak berhasil: {why}',
    retry: 'Coba lagi',
    more: '{n} notifikasi lagi',
    unread: 'belum dibaca',
    high: 'penting',
    today: 'Hari ini',
    yesterday: 'Kemarin',
    settings: 'Pengaturan',
    back: 'Kembali',
    save: 'Simpan',
    saved: 'Tersimpan',
    here: 'Di peramban ini',
    sound: 'Bunyikan suara',
    desktop: 'Tampilkan di desktop',
    blocked: 'Peramban tidak mengizinkannya untuk situs ini.',
    quiet: 'Jam tenang',
    quietHint: 'Notifikasi datang tanpa pemberitahuan layar atau suara.',
    from: 'Dari',
    to: 'sampai',
    keep: 'Simpan notifikasi selama',
    always: 'selama mungkin',
    days: '{n} hari',
    types: 'Jangan beri tahu saya tentang',
  },
};

/**
 * The words of a language; English where it is not known, and a page's own before either.
 * @param {string} language
 * @param {Words | null} [own]
 * @returns {Words}
 */
export function words(language, own) {
  return { ...LANGUAGES.en, ...LANGUAGES[language.toLowerCase().split('-')[0]], ...own };
}

/**
 * Puts something into a sentence: `{n}`, `{title}`.
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
