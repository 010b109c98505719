package redis

import (
	"time"

	"github.com/kermes-redis/kermes/resp"
)

// BackupStart begins a backup in the directory that the server is configured
// with: a snapshot, and the writes after it until [BackupSeal]. Redis 8.10.
//
// See https://redis.io/commands/backup-start.
func BackupStart() Status { return status("BACKUP START").With(resp.NoRetry) }

// BackupSeal ends the backup: it has all writes until now, and does not change any
// more. Redis 8.10.
//
// See https://redis.io/commands/backup-seal.
func BackupSeal() Status { return status("BACKUP SEAL").With(resp.NoRetry) }

// BackupAbort gives the backup up. Redis 8.10.
//
// See https://redis.io/commands/backup-abort.
func BackupAbort() Status { return status("BACKUP ABORT").With(resp.NoRetry) }

// BackupCleanup removes the files of the backup. Redis 8.10.
//
// See https://redis.io/commands/backup-cleanup.
func BackupCleanup() Status { return status("BACKUP CLEANUP").With(resp.NoRetry) }

// BackupList returns the paths of the files of the backup that do not change any
// more. Redis 8.10.
//
// See https://redis.io/commands/backup-list.
func BackupList() Cmd[[]string] { return query(Texts, "BACKUP LIST") }

// BackupInfo is how far a backup is.
type BackupInfo struct {
	State      string    // "idle", "pending", "snapshotting", "incrementing", "sealed", "failed"
	Error      string    // why it failed
	Start, End time.Time // to the second; End is when it was sealed
}

// BackupStatus returns how far the backup is. Redis 8.10.
//
// See https://redis.io/commands/backup-status.
func BackupStatus() Cmd[BackupInfo] { return query(backupInfo, "BACKUP STATUS") }

func backupInfo(v resp.Value) (b BackupInfo, err error) {
	err = named(v, func(name string, v resp.Value) (err error) {
		switch name {
		case "state":
			b.State, err = Text(v)
		case "error":
			b.Error, err = Text(v)
		case "start_time":
			b.Start, err = secondsOrNever(v)
		case "end_time":
			b.End, err = secondsOrNever(v)
		}
		return err
	})
	return b, err
}

// secondsOrNever takes 0 for the zero time.
func secondsOrNever(v resp.Value) (time.Time, error) {
	n, err := Int(v)
	if err != nil || n == 0 {
		return time.Time{}, err
	}
	return UnixSeconds(v)
}
