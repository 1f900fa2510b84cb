// Package integrity compares the whole journal with what was applied, once when
// it begins and again every day, beside all else and at a bounded pace. Where the
// two differ it logs so loudly, and says from then on that the ledger is not
// sound.
//
// It promises that a ledger that was found unsound stays so until the daemon is
// started again and has compared the whole once more, and that a journal that
// cannot be reached is no alarm. What is stopped then is left to the daemon and
// the service.
package integrity
