package orderapi

import "strings"

// The templates of API Gateway (VTL). They use only what its engine and the local emulator both
// support: no #if, no #foreach. The test with the build tag velocity renders them with Velocity.
const (
	// sendMessage is the form post to SQS. It encodes the body as a whole, so that `&`, `+`, `%` and
	// anything that looks like another parameter arrive unchanged.
	sendMessage = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"

	// accepted is the response when SQS accepted the message.
	accepted = `{"status":"ACCEPTED","messageId":` +
		`"$input.path('$.SendMessageResponse.SendMessageResult.MessageId')"}`

	// refusedAsTooLarge is the response to a body that is so far too large that SQS answers 413 in
	// plain text, before it reads the request.
	refusedAsTooLarge = `{"status":"TOO_LARGE","message":"` + tooLarge + `"}`

	// failed is the response when SQS fails. It does not read the answer, which can be a page of a
	// proxy. It is the integration response of status 500, because another one has 503 already.
	failed = `#set($context.responseOverride.status = 503)` +
		`{"status":"UNAVAILABLE","message":"` + tryAgain + `"}`
)

// notAccepted is the response when SQS did not accept the message. SQS returns HTTP 400 for all of
// its errors, whether a message can never be accepted or the queue is throttled, so the template
// looks the error code up. A map literal keeps the last of equal keys, so "$code", which comes
// first, is the value for unknown codes: telling a client to give up on a good order is a lost
// sale. An engine without maps (the emulator's) keeps the value that was set before. Where the
// engine refuses to read an answer that is no JSON, API Gateway gives the gateway response
// API_CONFIGURATION_ERROR, which has the same status.
var notAccepted = strings.Join([]string{
	`#set($code = $input.path('$.Error.Code'))`,
	`#set($statuses = {"$code": 503, "InvalidParameterValue": 413, ` +
		`"InvalidMessageContents": 400})`,
	`#set($names = {"$code": "UNAVAILABLE", "InvalidParameterValue": "TOO_LARGE", ` +
		`"InvalidMessageContents": "INVALID"})`,
	`#set($messages = {"$code": "` + tryAgain + `", "InvalidParameterValue": "` + tooLarge +
		`", "InvalidMessageContents": "` + badCharacters + `"})`,
	`#set($context.responseOverride.status = $statuses.get("$code"))`,
	`#set($name = "UNAVAILABLE")#set($name = $names.get("$code"))`,
	`#set($message = "` + tryAgain + `")#set($message = $messages.get("$code"))`,
	`{"status":"$name","message":"$message"}`,
}, "")

const (
	tryAgain      = "not accepted, please try again"
	tooLarge      = "the body is too large"
	badCharacters = "the body holds characters that the queue cannot carry"
)

// reflectOrigin returns the beginning of a template that names the caller's origin in the response
// if it is one of several, and otherwise the first: a response can name only one. A client of
// HTTP/2 sends the header in lower case. Like notAccepted, it looks a default up that comes first
// in a map. An engine without maps (the emulator's) leaves the header as it is, with the first.
func reflectOrigin(origins []string) string {
	if len(origins) < 2 {
		return ""
	}
	var known strings.Builder
	for _, origin := range origins {
		known.WriteString(`, "` + origin + `": "` + origin + `"`)
	}
	return `#set($upper = $input.params("Origin"))#set($lower = $input.params("origin"))` +
		`#set($first = {"$upper": "` + origins[0] + `"` + known.String() + `})` +
		`#set($found = $first.get("$upper"))` +
		`#set($second = {"$lower": "$found"` + known.String() + `})` +
		`#set($context.responseOverride.header.Access-Control-Allow-Origin = $second.get("$lower"))`
}
