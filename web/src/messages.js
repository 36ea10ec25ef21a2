/** @typedef {Record<string, string>} Words */

/** @type {Record<string, Words>} */
export const LANGUAGES = {
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
    allRead: 'All marked as read',
    undo: 'Undo',
    menu: 'More about “{title}”',
    close: 'Close',
    dismiss: 'Dismiss',
    showMore: 'Show all',
    showLess: 'Show less',
    older: 'Load older',
    empty: 'You are all caught up',
    emptyHint: 'New notifications appear here by themselves.',
    emptyUnread: 'Nothing unread',
    emptyArchived: 'Nothing is archived',
    loading: 'Loading …',
    offline: 'No connection. Trying again …',
    unauthorized: 'You are not signed in, or your sign-in has ended.',
    forbidden: 'Notifications are not allowed on this page.',
    notLoaded: 'Notifications could not be loaded.',
    failed: 'That did not work. Try again later.',
    retry: 'Try again',
    more_one: '{n} more notification',
    more_other: '{n} more notifications',
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
    to: 'To',
    keep: 'Keep notifications for',
    always: 'as long as possible',
    days_one: '{n} day',
    days_other: '{n} days',
    types: 'Types and channels',
    type: 'Type',
    allTypes: 'All types',
    mandatory: 'Always on',
    inBell: 'In the bell',
    email: 'E-mail',
    push: 'Push',
    digest: 'Collect e-mails',
    digestDefault: 'At once, or as the type says',
    hourly: 'Hourly',
    daily: 'Daily',
    never: 'Never collect',
    device: 'Notifications of this device',
    deviceHint: 'They appear even while this page is closed.',
    deviceBusy: 'Asking the browser …',
    deviceFailed: 'The browser cannot reach its push service. Try again later.',
    snoozeHour: 'Snooze for 1 hour',
    snoozeTomorrow: 'Snooze until tomorrow, {time}',
    snoozeWeek: 'Snooze until next week',
    snoozed: 'Snoozed until {time}',
    times_one: '{n} time',
    times_other: '{n} times',
    snoozedTab: 'Snoozed',
    emptySnoozed: 'Nothing is snoozed',
    unsnooze: 'End the snooze',
    until: 'until {time}',
    search: 'Search',
    clear: 'Clear the search',
    nothingFound: 'Nothing found for “{q}”',
    nothingIn: 'Nothing in “{category}”',
    categories: 'Categories',
    allCategories: 'All categories',
    thread_one: '{n} more about this',
    thread_other: '{n} more about this',
    threadUnread: '{n} unread',
    threadLess: 'Show fewer',
    done: 'done',
    panelFailed: 'The list could not be loaded.',
    keys: 'Keyboard shortcuts',
    keyMove: 'Next and previous',
    keyOpen: 'Open',
    keyRead: 'Read or unread',
    keySnooze: 'Snooze',
    keyMenu: 'More actions',
    keyClose: 'Back, or close',
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
    allRead: 'Semua ditandai dibaca',
    undo: 'Urungkan',
    menu: 'Lainnya tentang “{title}”',
    close: 'Tutup',
    dismiss: 'Tutup',
    showMore: 'Tampilkan semua',
    showLess: 'Ringkas',
    older: 'Muat yang lebih lama',
    empty: 'Semua sudah dibaca',
    emptyHint: 'Notifikasi baru muncul di sini dengan sendirinya.',
    emptyUnread: 'Tidak ada yang belum dibaca',
    emptyArchived: 'Arsip kosong',
    loading: 'Memuat …',
    offline: 'Tidak tersambung. Mencoba lagi …',
    unauthorized: 'Anda belum masuk, atau sesi Anda sudah berakhir.',
    forbidden: 'Notifikasi tidak diizinkan di halaman ini.',
    notLoaded: 'Notifikasi tidak dapat dimuat.',
    failed: 'Tidak berhasil. Coba lagi nanti.',
    retry: 'Coba lagi',
    more_other: '{n} notifikasi lagi',
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
    quietHint: 'Notifikasi datang tanpa muncul di layar dan tanpa suara.',
    from: 'Dari',
    to: 'Sampai',
    keep: 'Simpan notifikasi selama',
    always: 'selama mungkin',
    days_other: '{n} hari',
    types: 'Jenis dan saluran',
    type: 'Jenis',
    allTypes: 'Semua jenis',
    mandatory: 'Selalu aktif',
    inBell: 'Di lonceng',
    email: 'Email',
    push: 'Push',
    digest: 'Kumpulkan email',
    digestDefault: 'Langsung, atau sesuai jenisnya',
    hourly: 'Setiap jam',
    daily: 'Setiap hari',
    never: 'Jangan kumpulkan',
    device: 'Notifikasi perangkat ini',
    deviceHint: 'Muncul juga saat halaman ini ditutup.',
    deviceBusy: 'Meminta peramban …',
    deviceFailed: 'Peramban tidak dapat menghubungi layanan push-nya. Coba lagi nanti.',
    snoozeHour: 'Tunda 1 jam',
    snoozeTomorrow: 'Tunda sampai besok, {time}',
    snoozeWeek: 'Tunda sampai minggu depan',
    snoozed: 'Ditunda sampai {time}',
    times_other: '{n} kali',
    snoozedTab: 'Ditunda',
    emptySnoozed: 'Tidak ada yang ditunda',
    unsnooze: 'Akhiri penundaan',
    until: 'sampai {time}',
    search: 'Cari',
    clear: 'Hapus pencarian',
    nothingFound: 'Tidak ditemukan untuk “{q}”',
    nothingIn: 'Tidak ada di “{category}”',
    categories: 'Kategori',
    allCategories: 'Semua kategori',
    thread_other: '{n} lagi tentang ini',
    threadUnread: '{n} belum dibaca',
    threadLess: 'Ringkas',
    done: 'selesai',
    panelFailed: 'Daftar tidak dapat dimuat.',
    keys: 'Pintasan papan ketik',
    keyMove: 'Berikutnya dan sebelumnya',
    keyOpen: 'Buka',
    keyRead: 'Dibaca atau belum',
    keySnooze: 'Tunda',
    keyMenu: 'Tindakan lain',
    keyClose: 'Kembali, atau tutup',
  },
};

/**
 * Returns the first of these languages that the formatters of a browser accept; English if there is
 * none. Pages also say `en_US`, which is not a language tag (BCP 47).
 * @param {(string | undefined)[]} wanted
 */
export function languageOf(...wanted) {
  for (const one of wanted) {
    try {
      if (one) return Intl.getCanonicalLocales(one.replaceAll('_', '-'))[0];
    } catch {
      // The next one.
    }
  }
  return 'en';
}

/**
 * Returns the texts of a language; English if it is unknown. The page's own texts come first.
 * @param {string} language
 * @param {Words | null} [own]
 * @returns {Words}
 */
export function words(language, own) {
  /** @type {Words} */
  const all = { ...(LANGUAGES[language.toLowerCase().split('-')[0]] ?? LANGUAGES.en), language };
  for (const [key, text] of Object.entries(own ?? {})) {
    // One text may stand for all plural forms.
    for (const category of ['one', 'other'])
      if (`${key}_other` in LANGUAGES.en) all[`${key}_${category}`] = text;
    all[key] = text;
  }
  return all;
}

/**
 * Returns a text about a number, by the plural rules of the language.
 * @param {Words} words
 * @param {string} key
 * @param {number} n
 */
export function counted(words, key, n) {
  const category = new Intl.PluralRules(words.language).select(n);
  return filled(words[`${key}_${category}`] ?? words[`${key}_other`], {
    n: n.toLocaleString(words.language),
  });
}

/**
 * Replaces placeholders in a text: `{n}`, `{title}`.
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
