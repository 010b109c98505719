// Package pubsub keeps subscriptions alive through reconnects and failovers, and
// says when messages may have been missed.
package pubsub
