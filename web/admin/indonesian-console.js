/**
 * Texts of clients, states, the import of a complete file and the configuration in Indonesian, by
 * their English text.
 * @type {Record<string, string>}
 */
export const CONSOLE = {
  'Disconnect {who}? An open page signs in again, if it may.':
    'Putuskan {who}? Halaman yang terbuka masuk lagi jika diizinkan.',
  'The last {events} events are kept for one day.':
    '{events} peristiwa terakhir disimpan selama satu hari.',
  'kept for one day': 'disimpan satu hari',
  'Open the inbox of the user ID “{id}”': 'Buka kotak masuk ID pengguna “{id}”',
  'not in the directory': 'tidak ada dalam direktori',
  unread: 'belum dibaca',
  snoozed: 'ditunda',
  archived: 'diarsipkan',
  deleted: 'dihapus',
  expired: 'kedaluwarsa',
  'not set': 'belum diatur',
  environment: 'variabel lingkungan',
  'Load the file and remove one type': 'Muat berkas itu dan hapus satu jenis',
  'The file is complete: remove the users who are not in it':
    'Berkas lengkap: hapus pengguna yang tidak ada di dalamnya',
  'Correct the line with an error first: its user would be removed.':
    'Perbaiki dahulu baris yang salah: penggunanya akan dihapus.',
  'Correct the {n} lines with errors first: their users would be removed.':
    'Perbaiki dahulu {n} baris yang salah: penggunanya akan dihapus.',
  'Import and remove 1 user': 'Impor dan hapus 1 pengguna',
  'Import and remove {n} users': 'Impor dan hapus {n} pengguna',
  'Remove 1 user from the directory? The inbox stays.':
    'Hapus 1 pengguna dari direktori? Kotak masuknya tetap ada.',
  'Remove {n} users from the directory? Their inboxes stay.':
    'Hapus {n} pengguna dari direktori? Kotak masuknya tetap ada.',
  removed: 'dihapus',
  'Users who would be removed': 'Pengguna yang akan dihapus',
  'and {n} more': 'dan {n} lagi',
  '1 user imported.': '1 pengguna diimpor.',
  '1 line is invalid and is left out.': '1 baris tidak sah dan dilewatkan.',
  'Place in the file': 'Tempat dalam berkas',
  'Line {line}, column {column} ({field})': 'Baris {line}, kolom {column} ({field})',
  'Line {line}': 'Baris {line}',
};
