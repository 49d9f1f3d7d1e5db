package orderapi

import "strings"

// The templates of API Gateway (VTL). They keep to what its engine and the local emulator both know: no #if, no #foreach.
const (
	// sendMessage is the form post to SQS. The body is encoded as a whole: `&`, `+`, `%` and what looks like a further
	// parameter arrive as they were sent.
	sendMessage = "Action=SendMessage&MessageBody=$util.urlEncode($input.body)"

	// accepted is the answer when SQS took the message.
	accepted = `{"status":"ACCEPTED","messageId":"$input.path('$.SendMessageResponse.SendMessageResult.MessageId')"}`
)

// notAccepted is the answer when SQS did not take the message. SQS's error codes all come with HTTP 400, be it a message
// that can never be accepted or a queue that is throttled, so the code is looked up. A map literal keeps the last of equal
// keys: "$code" comes first and is what unknown codes fall back to, since telling a client to give up on a good order is a
// lost sale. An engine without maps (the emulator's) keeps what was set before.
var notAccepted = strings.Join([]string{
	`#set($code = $input.path('$.Error.Code'))`,
	`#set($statuses = {"$code": 503, "InvalidParameterValue": 413, "InvalidMessageContents": 400})`,
	`#set($names = {"$code": "UNAVAILABLE", "InvalidParameterValue": "TOO_LARGE", "InvalidMessageContents": "INVALID"})`,
	`#set($messages = {"$code": "` + tryAgain + `", "InvalidParameterValue": "` + tooLarge + `", "InvalidMessageContents": "the body holds characters that the queue cannot carry"})`,
	`#set($context.responseOverride.status = $statuses.get("$code"))`,
	`#set($name = "UNAVAILABLE")#set($name = $names.get("$code"))`,
	`#set($message = "` + tryAgain + `")#set($message = $messages.get("$code"))`,
	`{"status":"$name","message":"$message"}`,
}, "")

const (
	tryAgain = "not accepted, please try again"
	tooLarge = "the body is too large"
)
