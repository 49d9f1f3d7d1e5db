package orderapi

import "strings"

// The templates of API Gateway (VTL). They use only what its engine and the local emulator both
// support: no #if, no #foreach.
const (
	// sendMessage is the form post to SQS. It encodes the body as a whole, so that `&`, `+`, `%` and
	// anything that looks like another parameter arrive unchanged.
	sendMessage = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"

	// accepted is the response when SQS accepted the message.
	accepted = `{"status":"ACCEPTED","messageId":` +
		`"$input.path('$.SendMessageResponse.SendMessageResult.MessageId')"}`
)

// notAccepted is the response when SQS did not accept the message. SQS returns HTTP 400 for all of
// its errors, whether a message can never be accepted or the queue is throttled, so the template
// looks the error code up. A map literal keeps the last of equal keys, so "$code", which comes
// first, is the value for unknown codes: telling a client to give up on a good order is a lost
// sale. An engine without maps (the emulator's) keeps the value that was set before.
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
