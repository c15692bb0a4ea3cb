//! The VFS itself: SQLite's table of C functions in front of the one that the
//! system has. All `unsafe` of this crate is here.
//!
//! SQLite's side of the bargain, on which every block below relies: it passes
//! back the pointers it was given; a file's memory is as large as `szOsFile`
//! says, lives from `xOpen` to `xClose`, and is used by one thread at a time;
//! a buffer is as long as the length beside it; a name ends with a zero byte.

#![expect(unsafe_code, reason = "a VFS is a table of C functions over raw memory")]

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::size_of;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::ffi;

use crate::fault::{Armed, Call, Cause, Fault};
use crate::record::{FileId, Lie, Op, Record};

/// A disk with a VFS of its own. It is taken off SQLite's list when this is
/// dropped; connections that are open then still work, but record nothing.
#[derive(Debug)]
pub struct Disk {
    name: String,
    record: Arc<Record>,
}

impl Disk {
    /// A disk that keeps a log of what is done to it.
    pub fn recording() -> Result<Self, rusqlite::Error> {
        let disk = Self::forgetful()?;
        disk.record.lock().recording = true;
        Ok(disk)
    }

    /// A disk that keeps no log.
    pub fn forgetful() -> Result<Self, rusqlite::Error> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("fault-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let record = Arc::new(Record::default());
        register(&name, Arc::clone(&record))?;
        Ok(Self { name, record })
    }

    /// The name under which SQLite knows it.
    pub fn vfs(&self) -> &str {
        &self.name
    }

    /// How much was done so far: a power cut here spares what is in the log
    /// before this position and was synced.
    pub fn position(&self) -> usize {
        self.watch().position()
    }

    /// Tells the position too, on any thread.
    pub fn watch(&self) -> Watch {
        Watch { record: Arc::clone(&self.record) }
    }

    /// The log so far.
    pub fn log(&self) -> Vec<Op> {
        self.record.lock().ops.clone()
    }

    /// From now on it only pretends to do this.
    pub fn lie(&self, lie: Lie) {
        self.record.lock().lie = Some(lie);
    }

    /// From now on this fault waits for its call.
    pub fn arm(&self, fault: Fault) {
        self.record.lock().fault = Some(Armed::new(fault));
    }

    /// Whether the armed fault has struck.
    pub fn struck(&self) -> bool {
        self.record.lock().fault.as_ref().is_some_and(Armed::struck)
    }

    /// From now on nothing fails; says whether the fault has struck.
    pub fn lift(&self) -> bool {
        self.record.lock().fault.take().is_some_and(|armed| armed.struck())
    }
}

/// Tells how much was done to a disk.
#[derive(Debug, Clone)]
pub struct Watch {
    record: Arc<Record>,
}

impl Watch {
    /// How much was done so far.
    pub fn position(&self) -> usize {
        self.record.lock().ops.len()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The table is never freed, the log is.
        *self.record.lock() = crate::record::State::default();
        let Ok(name) = CString::new(self.name.as_str()) else { return };
        // SAFETY: the name ends with a zero byte and outlives the call.
        let vfs = unsafe { ffi::sqlite3_vfs_find(name.as_ptr()) };
        // SAFETY: SQLite has just said that this is a registered VFS (or
        // null, which it takes for nothing); its memory is never freed.
        unsafe { ffi::sqlite3_vfs_unregister(vfs) };
    }
}

/// What a registered VFS points to.
struct Shared {
    inner: *mut ffi::sqlite3_vfs,
    record: Arc<Record>,
}

/// What SQLite takes for its file. The system's own file follows it.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    ours: *mut Ours,
}

struct Ours {
    record: Arc<Record>,
    /// None for a file without a name, which no power cut spares.
    id: Option<FileId>,
    is_database: bool,
    /// Whether the next sync brings the folder to the disk too, as the
    /// system's VFS does for a journal or log that it may have made.
    folder_too: Cell<bool>,
}

fn register(name: &str, record: Arc<Record>) -> Result<(), rusqlite::Error> {
    let failed = |code| rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    let name = CString::new(name).map_err(|_| failed(ffi::SQLITE_MISUSE))?;
    // SAFETY: starting SQLite again does nothing, and null asks for the default.
    let inner = unsafe {
        ffi::sqlite3_initialize();
        ffi::sqlite3_vfs_find(null_mut())
    };
    // SAFETY: the default VFS lives as long as the process.
    let Some(known) = (unsafe { inner.as_ref() }) else {
        return Err(failed(ffi::SQLITE_ERROR));
    };
    let own = c_int::try_from(size_of::<File>()).map_err(|_| failed(ffi::SQLITE_ERROR))?;
    // Leaked, because a connection may outlive the disk.
    let shared = Box::leak(Box::new(Shared { inner, record }));
    let vfs = Box::leak(Box::new(ffi::sqlite3_vfs {
        iVersion: 2,
        szOsFile: own + known.szOsFile,
        zName: CString::into_raw(name),
        pAppData: std::ptr::from_mut(shared).cast(),
        pNext: null_mut(),
        xOpen: Some(x_open),
        xDelete: Some(x_delete),
        xAccess: Some(x_access),
        xFullPathname: Some(x_full_pathname),
        // Without the inner VFS as an argument these mean the same.
        ..*known
    }));
    // SAFETY: the table and all it points to are leaked, so live for ever.
    match unsafe { ffi::sqlite3_vfs_register(vfs, 0) } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(failed(code)),
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Two: with shared memory, without memory maps, which no write would pass.
    iVersion: 2,
    xClose: Some(x_close),
    xRead: Some(x_read),
    xWrite: Some(x_write),
    xTruncate: Some(x_truncate),
    xSync: Some(x_sync),
    xFileSize: Some(x_file_size),
    xLock: Some(x_lock),
    xUnlock: Some(x_unlock),
    xCheckReservedLock: Some(x_check_reserved_lock),
    xFileControl: Some(x_file_control),
    xSectorSize: Some(x_sector_size),
    xDeviceCharacteristics: Some(x_device_characteristics),
    xShmMap: Some(x_shm_map),
    xShmLock: Some(x_shm_lock),
    xShmBarrier: Some(x_shm_barrier),
    xShmUnmap: Some(x_shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Calls a function of the inner file with the same arguments.
macro_rules! pass_on {
    ($file:ident . $function:ident ( $($argument:expr),* ) else $otherwise:expr) => {{
        let inner = inner($file);
        // SAFETY: the inner file was opened by the inner VFS, whose functions
        // get what SQLite gave for them, and the memory that is theirs.
        unsafe {
            match (*(*inner).pMethods).$function {
                Some(function) => function(inner, $($argument),*),
                None => $otherwise,
            }
        }
    }};
}

fn inner(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    file.cast::<File>().wrapping_add(1).cast()
}

fn ours<'a>(file: *mut ffi::sqlite3_file) -> &'a Ours {
    // SAFETY: `x_open` has put a box there, which `x_close` alone takes away;
    // SQLite calls nothing on a file that is not open.
    unsafe { &*(*file.cast::<File>()).ours }
}

fn shared<'a>(vfs: *mut ffi::sqlite3_vfs) -> &'a Shared {
    // SAFETY: `register` has put it there and leaked it.
    unsafe { &*(*vfs).pAppData.cast::<Shared>() }
}

/// The last part of a path, which is what the log calls a file.
fn file_name(path: *const c_char) -> Option<String> {
    if path.is_null() {
        return None;
    }
    // SAFETY: SQLite's names end with a zero byte.
    let path = unsafe { CStr::from_ptr(path) }.to_str().ok()?;
    Some(Path::new(path).file_name()?.to_str()?.to_owned())
}

unsafe extern "C" fn x_open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let shared = shared(vfs);
    let own = file.cast::<File>();
    // SAFETY: SQLite has made room for `szOsFile` bytes; no methods means that
    // the file is not open.
    unsafe { (*own).base.pMethods = std::ptr::null() };
    let mut state = shared.record.lock();
    if state.fails(Call::Open).is_some() {
        return ffi::SQLITE_CANTOPEN;
    }
    let journal =
        ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
    // SAFETY: the inner VFS gets its own table, the name as SQLite laid it
    // out, and the memory behind ours, which is as large as it asked for.
    let opened = unsafe {
        match (*shared.inner).xOpen {
            Some(open) => open(shared.inner, name, inner(file), flags, out_flags),
            None => ffi::SQLITE_CANTOPEN,
        }
    };
    if opened != ffi::SQLITE_OK {
        return opened;
    }
    let ours = Ours {
        record: Arc::clone(&shared.record),
        id: file_name(name).map(|name| state.opened(&name)),
        is_database: flags & ffi::SQLITE_OPEN_MAIN_DB != 0,
        folder_too: Cell::new(flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & journal != 0),
    };
    // SAFETY: the same room as above.
    unsafe {
        (*own).ours = Box::into_raw(Box::new(ours));
        (*own).base.pMethods = &raw const METHODS;
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn x_close(file: *mut ffi::sqlite3_file) -> c_int {
    let closed = pass_on!(file.xClose() else ffi::SQLITE_OK);
    let own = file.cast::<File>();
    // SAFETY: `x_open` has made this box, and SQLite closes a file once.
    unsafe {
        drop(Box::from_raw((*own).ours));
        (*own).ours = null_mut();
    }
    closed
}

unsafe extern "C" fn x_delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_folder: c_int,
) -> c_int {
    let shared = shared(vfs);
    let mut state = shared.record.lock();
    if state.fails(Call::Delete).is_some() {
        return ffi::SQLITE_IOERR_DELETE;
    }
    // SAFETY: the inner VFS gets its own table and SQLite's name.
    let deleted = unsafe {
        match (*shared.inner).xDelete {
            Some(delete) => delete(shared.inner, name, 0),
            None => ffi::SQLITE_IOERR_DELETE,
        }
    };
    if deleted == ffi::SQLITE_OK
        && let Some(name) = file_name(name)
    {
        state.deleted(&name, sync_folder != 0);
    }
    deleted
}

unsafe extern "C" fn x_access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    result: *mut c_int,
) -> c_int {
    let inner = shared(vfs).inner;
    // SAFETY: the inner VFS gets its own table and SQLite's arguments.
    unsafe {
        match (*inner).xAccess {
            Some(access) => access(inner, name, flags, result),
            None => ffi::SQLITE_IOERR_ACCESS,
        }
    }
}

unsafe extern "C" fn x_full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    let inner = shared(vfs).inner;
    // SAFETY: the inner VFS gets its own table and SQLite's arguments.
    unsafe {
        match (*inner).xFullPathname {
            Some(full) => full(inner, name, room, out),
            None => ffi::SQLITE_CANTOPEN,
        }
    }
}

unsafe extern "C" fn x_read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    if ours(file).record.lock().fails(Call::Read).is_some() {
        return ffi::SQLITE_IOERR_READ;
    }
    pass_on!(file.xRead(buffer, amount, offset) else ffi::SQLITE_IOERR_READ)
}

unsafe extern "C" fn x_write(
    file: *mut ffi::sqlite3_file,
    data: *const c_void,
    amount: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let ours = ours(file);
    // Held over the write itself, so that the log has the order of the disk.
    let mut state = ours.record.lock();
    let fails = state.fails(Call::Write);
    // A write that fails may have done a part of its work.
    let amount = if fails.is_some() { amount / 2 } else { amount };
    let written = pass_on!(file.xWrite(data, amount, offset) else ffi::SQLITE_IOERR_WRITE);
    if written != ffi::SQLITE_OK {
        return written;
    }
    let place = (ours.id, usize::try_from(offset), usize::try_from(amount));
    if let (Some(id), Ok(offset), Ok(amount)) = place {
        // SAFETY: the buffer is at least this long.
        let bytes = unsafe { std::slice::from_raw_parts(data.cast::<u8>(), amount) };
        state.written(id, offset, bytes);
    }
    match fails {
        None => ffi::SQLITE_OK,
        Some(Cause::Device) => ffi::SQLITE_IOERR_WRITE,
        Some(Cause::NoSpace) => ffi::SQLITE_FULL,
        Some(Cause::ReadOnly) => ffi::SQLITE_READONLY,
    }
}

unsafe extern "C" fn x_truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    let ours = ours(file);
    let mut state = ours.record.lock();
    if state.fails(Call::Truncate).is_some() {
        return ffi::SQLITE_IOERR_TRUNCATE;
    }
    let done = pass_on!(file.xTruncate(size) else ffi::SQLITE_IOERR_TRUNCATE);
    if done == ffi::SQLITE_OK
        && let (Some(id), Ok(size)) = (ours.id, usize::try_from(size))
    {
        state.truncated(id, size);
    }
    done
}

unsafe extern "C" fn x_sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    let ours = ours(file);
    let mut state = ours.record.lock();
    let fails = state.fails(Call::Sync).is_some();
    if let Some(id) = ours.id {
        if fails {
            state.sync_failed(id);
        } else {
            state.synced(id, ours.is_database, ours.folder_too.take());
        }
    }
    if fails { ffi::SQLITE_IOERR_FSYNC } else { ffi::SQLITE_OK }
}

unsafe extern "C" fn x_file_size(
    file: *mut ffi::sqlite3_file,
    size: *mut ffi::sqlite3_int64,
) -> c_int {
    pass_on!(file.xFileSize(size) else ffi::SQLITE_IOERR_FSTAT)
}

unsafe extern "C" fn x_lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass_on!(file.xLock(level) else ffi::SQLITE_IOERR_LOCK)
}

unsafe extern "C" fn x_unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass_on!(file.xUnlock(level) else ffi::SQLITE_IOERR_UNLOCK)
}

unsafe extern "C" fn x_check_reserved_lock(
    file: *mut ffi::sqlite3_file,
    result: *mut c_int,
) -> c_int {
    pass_on!(file.xCheckReservedLock(result) else ffi::SQLITE_IOERR_CHECKRESERVEDLOCK)
}

unsafe extern "C" fn x_file_control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    pass_on!(file.xFileControl(operation, argument) else ffi::SQLITE_NOTFOUND)
}

unsafe extern "C" fn x_sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    pass_on!(file.xSectorSize() else 0)
}

unsafe extern "C" fn x_device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    pass_on!(file.xDeviceCharacteristics() else 0)
}

unsafe extern "C" fn x_shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    match ours(file).record.lock().fails(Call::ShmMap) {
        Some(Cause::Device) => return ffi::SQLITE_IOERR_SHMMAP,
        Some(Cause::NoSpace) => return ffi::SQLITE_IOERR_SHMSIZE,
        Some(Cause::ReadOnly) => return ffi::SQLITE_READONLY_CANTINIT,
        None => {}
    }
    pass_on!(file.xShmMap(region, size, extend, out) else ffi::SQLITE_IOERR_SHMMAP)
}

unsafe extern "C" fn x_shm_lock(
    file: *mut ffi::sqlite3_file,
    offset: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    pass_on!(file.xShmLock(offset, count, flags) else ffi::SQLITE_IOERR_SHMLOCK)
}

unsafe extern "C" fn x_shm_barrier(file: *mut ffi::sqlite3_file) {
    pass_on!(file.xShmBarrier() else ());
}

unsafe extern "C" fn x_shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass_on!(file.xShmUnmap(delete) else ffi::SQLITE_OK)
}
