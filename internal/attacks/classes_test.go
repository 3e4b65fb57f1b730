package attacks

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// class is one class of attack: its numbers in the Common Weakness Enumeration, the test of this suite that stands for it,
// and the tests elsewhere that prove more cases of it, or prove them closer to the defence.
type class struct {
	name      string
	weakness  string
	test      string
	elsewhere []string // file:test
}

var classes = []class{
	{"code injection and swap", "CWE-294", "TestCodeInjectionIsRefused", []string{
		"internal/token/token_test.go:TestCodeIsHeldToItsAuthorization", "internal/token/token_test.go:TestSpentCodeIsRefusedAndEndsItsSession",
		"internal/token/token_test.go:TestOfManyRedemptionsOneSucceeds", "internal/token/confidential_test.go:TestClientsCannotUseEachOthersCodesAndTokens",
	}},
	{"PKCE downgrade", "CWE-287", "TestPKCEDowngradeIsRefused", []string{
		"internal/signin/pkce_test.go:TestChallengeMatchesItsVerifier", "internal/signin/pkce_test.go:TestParseChallengeIsStrict", "internal/token/confidential_test.go:TestConfidentialClientNeedsPKCE",
	}},
	{"mix-up", "CWE-346", "TestMixUpIsSeenByTheClient", []string{"internal/authorize/request_test.go:TestConfidentialClientIsToldWhoAnswers"}},
	{"authorization request tampering", "CWE-235", "TestDoubledParametersAreRefused", []string{
		"internal/authorize/request_test.go:TestParameterThatIsThereTwiceIsRefused", "internal/authorize/request_test.go:TestEveryWrongParameterIsToldToTheClient",
	}},
	{"redirect confusion", "CWE-601", "TestRedirectConfusionEndsOnAPage", []string{
		"internal/signin/redirect_test.go:TestSameDeviceIsNotSentElsewhere", "internal/signin/redirect_test.go:TestCrossDeviceIsSentToTheConfirmationPageOnly",
		"internal/signin/redirect_test.go:TestConfidentialClientIsSentToRegisteredURIsOnly", "internal/authorize/request_test.go:TestRedirectAttacksEndOnAPage",
		"test/browser/refusal_test.go:TestRequestThatMayNotBeAnsweredIsToldOnAPage",
	}},
	{"open redirect", "CWE-601", "TestOpenRedirectLeadsNowhere", []string{"internal/authorize/flow_test.go:TestClientIsCheckedAgainWhenTheFormComes"}},
	{"refresh token theft", "CWE-613, CWE-294", "TestStolenRefreshTokenIsWorthless", []string{
		"internal/token/token_test.go:TestRefreshTokenWorksOnlyWithItsKey", "internal/token/confidential_test.go:TestUnboundSessionIsNoDevtoolsSession",
	}},
	{"proof replay", "CWE-294", "TestReplayedProofYieldsNothingNew", []string{
		"internal/token/token_test.go:TestProofIsAnsweredOnceForItsStep", "internal/dpop/memory_test.go:TestProofBelongsToItsFirstAnswer", "internal/dpop/url_test.go:TestURLOfProof",
		"internal/token/attacks_test.go:TestCapturedSignedRequestYieldsNothingNew", "internal/token/late_test.go:TestRewrittenSignatureYieldsNothingNew",
	}},
	{"proof replay at another node", "CWE-294", "TestReplayAtAnotherNodeYieldsNothingNew", nil},
	{"algorithm confusion", "CWE-347", "TestAlgorithmConfusionIsRefused", []string{
		"internal/dpop/rules_test.go:TestHeaderRules", "internal/dpop/key_test.go:TestJWKRules", "internal/dpop/signature_test.go:TestOtherSignatureFormsAreRefused",
		"internal/dpop/wycheproof_test.go:TestWycheproofECDSA", "internal/dpop/rfc_test.go:TestRFC9449Examples", "internal/dpop/rfc_test.go:TestRFC7638Thumbprint",
		"internal/dpop/rfc_test.go:TestRFC7515ES256",
	}},
	{"key and token confusion", "CWE-345, CWE-843", "TestTokensAreNotMistakenForEachOther", []string{
		"internal/seal/seal_test.go:TestEnvelopeOpensOnlyAsWhatItIs", "internal/seal/seal_test.go:TestEveryBitIsAuthenticated", "internal/identity/browser_test.go:TestForeignCookieIsNobody",
	}},
	{"cross-account and cross-tenant access", "CWE-639", "TestAccountsOfOthersAreOutOfReach", []string{
		"internal/token/confidential_test.go:TestConfidentialClientMustSignItself", "internal/token/confidential_test.go:TestPrincipalNeedsPermissionToExchange",
		"internal/authorize/flow_test.go:TestConsentIsOfThePersonWhoSawThePage", "internal/control/control_test.go:TestAccountsAreApart",
		"internal/control/control_test.go:TestUnprovenCallersAreRefused",
	}},
	{"trust in Host and forwarded headers", "CWE-290, CWE-644", "TestHeadersOfProxiesAreNotBelieved", []string{
		"internal/server/remote_test.go:TestForwardedAddressesAreBelievedOfProxiesOnly", "internal/server/request_test.go:TestPagesAreOnlyUnderABaseURL",
		"test/browser/refusal_test.go:TestForeignHostNameIsRefused",
	}},
	{"policy bypass", "CWE-863, CWE-285", "TestPoliciesAreNotTalkedAround", []string{
		"internal/policy/decide_test.go:TestWhatCannotBeDecidedShutsOut", "internal/policy/decide_test.go:TestNarrowingNeverWidens",
		"internal/policy/decide_test.go:TestHostilePatternsTakeBoundedTime", "internal/policy/policy_test.go:TestParseRefusesWhatItDoesNotKnow",
		"internal/permit/permit_test.go:TestAPolicyThatCannotBeReadLetsNobodyIn", "internal/permit/permit_test.go:TestWhatIsGivenOutRestsOnPoliciesAsOfItsNotice",
		"internal/authorize/dynamic_test.go:TestAPolicyThatChangedASecondAgoDoesNotApprove",
	}},
	{"perimeter bypass", "CWE-284, CWE-290", "TestPerimeterIsNotTalkedAround", []string{
		"internal/server/network_test.go:TestNetworkKeysAreBelievedOfProxiesOnly", "internal/control/effect_test.go:TestNobodyWritesTheirOwnVPC",
		"internal/control/effect_test.go:TestSignInFromElsewhereIsExplainedToWhoKnowsThePassword", "internal/control/effect_test.go:TestChangesAreHeardOnEveryNode",
		"internal/perimeter/wall_test.go:TestWhoComesFromElsewhereIsKeptOut", "internal/perimeter/wall_test.go:TestUnreadableStatementClosesItsAccountOnly",
	}},
	{"revocation of others' sessions", "CWE-639, CWE-862", "TestSessionsOfOthersAreNotEnded", []string{
		"internal/revoke/iam_test.go:TestWhatCannotBeRevokedIsAnsweredAlike", "internal/revoke/iam_test.go:TestSignersNeedPermission", "internal/revoke/iam_test.go:TestSignersAreProved",
	}},
	{"lockout by a stolen token", "CWE-306", "TestStolenTokenDoesNotLogItsOwnerOut", []string{
		"internal/revoke/holder_test.go:TestHolderProvesTheKey", "internal/revoke/holder_test.go:TestConfidentialClientsSign",
	}},
	{"replayed revocation", "CWE-294", "TestCapturedRevocationEndsNothingElse", []string{
		"internal/revoke/holder_test.go:TestToolEndsItsSession",
	}},
	{"path confusion", "CWE-436, CWE-647", "TestPathsHaveOneSpelling", []string{
		"internal/server/request_test.go:TestUnknownPathsAndMethodsAreRefusedInJSON", "internal/server/request_test.go:TestDoubledSlashesLeadToTheSamePath",
	}},
	{"malicious registration", "CWE-601, CWE-770", "TestMaliciousRegistrationBuysNothing", []string{
		"internal/signin/allowlist_test.go:TestRedirectsThatOnlyLookAllowedAreRefused", "internal/signin/allowlist_test.go:TestPatternsThatAllowTooMuchAreRefused",
		"internal/signin/redirect_test.go:TestDynamicClientIsSentToWhatItRegistered", "internal/register/register_test.go:TestRedirectsThatAreNotInTheListAreRefused",
		"internal/register/register_test.go:TestMassRegistrationIsSlowedDown", "internal/clients/name_test.go:TestNamesCannotSpoofThePage",
		"internal/clients/finder_test.go:TestRegisteredClientHasOneID", "internal/clients/finder_test.go:TestListOfTodayHoldsForRegistrationsOfYesterday",
	}},
	{"server-side request forgery", "CWE-918", "TestNothingMakesTheServerConnect", []string{
		"internal/fetch/fetch_test.go:TestAddressesInsideAreOutOfReach", "internal/fetch/fetch_test.go:TestRebindingLeadsNowhere", "internal/fetch/fetch_test.go:TestRedirectsAreNotFollowed",
		"internal/fetch/fetch_test.go:TestOnlyPlainURLsAreFetched", "internal/fetch/address_test.go:TestOnlyPublicAddressesArePublic",
		"internal/clients/documents_test.go:TestRefusalsDoNotTellWhatIsInside", "internal/clients/documents_test.go:TestStrangersCannotMakeThisServerFloodOthers",
		"internal/clients/document_test.go:TestDocumentsThatAreRefused",
	}},
	{"tokens of other issuers", "CWE-347, CWE-345", "TestForeignTokensBuyNothing", []string{
		"internal/trust/attacks_test.go:TestTokensOfAttackers", "internal/trust/wycheproof_test.go:TestWycheproofSignatures", "internal/trust/keys_test.go:TestUnknownKeysDoNotFloodTheIssuer",
		"internal/trust/keys_test.go:TestFewWaitForAnIssuer", "internal/trust/keys_test.go:TestDocumentsThatAreNotTheIssuers", "internal/trust/rules_test.go:TestSessionNamesDoNotMeet",
		"internal/exchange/exchange_test.go:TestStrangersLearnNothing", "internal/exchange/exchange_test.go:TestTokenForSeveralAccounts", "internal/credential/accesstoken_test.go:TestIDTokenIsNoAccessToken",
	}},
	{"authority that lives on", "CWE-613", "TestAuthorityDoesNotLiveOn", []string{
		"internal/clientcredentials/clientcredentials_test.go:TestTokenEndsWithTheCallersCredentials", "internal/exchange/exchange_test.go:TestAccessTokenEndsWithTheSubjectToken", "internal/trust/keys_test.go:TestKeysRotate", "internal/trust/keys_test.go:TestIssuerGoesAwayAndComesBack",
	}},
	{"refresh token replay", "CWE-294, CWE-367", "TestReplayedRotatedTokenEndsItsSession", []string{
		"internal/token/rotate_test.go:TestThiefWhoIsFirstLosesTheSession", "internal/token/rotate_test.go:TestThiefWhoIsSecondGetsNothing",
		"internal/token/rotate_test.go:TestParallelDifferentRefreshesEndTheSession", "internal/token/rotate_test.go:TestNodesAgreeOnTheGeneration",
		"internal/token/bound_test.go:TestThiefCannotKeepASessionByBindingIt", "internal/token/permission_test.go:TestPolicyTiesDynamicClientsToANetwork",
	}},
	{"resource swap", "CWE-441", "TestTokensAreForTheResourceThatWasApproved", []string{
		"internal/token/dynamic_test.go:TestResourceOfAnotherAccountIsNoGood", "internal/authorize/dynamic_test.go:TestOnlyRolesThatMayUseTheResourceAreChosen",
		"internal/authorize/dynamic_test.go:TestWhatWasTakenAwayMeanwhileIsNotGiven",
	}},
	{"client swap", "CWE-863", "TestDynamicClientsCannotUseEachOthersGrants", []string{
		"internal/seal/grant_test.go:TestGrantsOpenOnlyAsWhatTheyAre", "internal/token/rotate_test.go:TestRefusedRefreshSpendsNothing",
	}},
	{"mix-up of clients that know many servers", "CWE-346", "TestMixUpOfManyServersIsSeen", []string{
		"internal/authorize/dynamic_test.go:TestDynamicClientIsSentOnlyWhereItRegistered", "internal/authorize/dynamic_test.go:TestConsentPageSaysWhatIsKnownAndWhatIsNot",
	}},
	{"downgrade of clients that registered themselves", "CWE-757", "TestDynamicClientsCannotBeDowngraded", []string{
		"internal/token/bound_test.go:TestBoundSessionIsNotUnboundByLeavingOutTheProof", "internal/authorize/dynamic_test.go:TestWrongParametersOfDynamicClients",
	}},
	{"token confusion over all kinds", "CWE-345, CWE-843", "TestKindsOfTokensAreNotMistakenForEachOther", []string{
		"internal/seal/grant_test.go:TestGrantsOpenOnlyAsWhatTheyAre", "internal/credential/accesstoken_test.go:TestIDTokenIsNoAccessToken",
	}},
	{"redirect confusion of registered clients", "CWE-601", "TestRegisteredRedirectsAreNotTalkedAround", []string{
		"internal/signin/allowlist_test.go:TestRedirectsThatOnlyLookAllowedAreRefused", "internal/signin/redirect_test.go:TestDynamicClientIsSentToWhatItRegistered",
	}},
	{"server-side request forgery by clients and tokens", "CWE-918", "TestDocumentsAndTokensMakeTheServerConnectNowhere", []string{
		"internal/trust/keys_test.go:TestPrivateIssuersMustBeAllowed", "internal/trust/keys_test.go:TestDocumentsThatAreNotTheIssuers", "internal/fetch/fetch_test.go:TestRedirectsAreNotFollowed",
	}},
	{"registration from a whole network", "CWE-770", "TestANetworkDoesNotFillTheTableOfClients", nil},
	{"a client that was found out", "CWE-613", "TestARemovedClientIsLeftNothing", nil},
	{"cross-site scripting", "CWE-79", "TestScriptsOfOthersDoNotRun", []string{
		"internal/authorize/safety_test.go:TestNothingShownBecomesMarkup", "internal/authorize/safety_test.go:TestEveryPageIsKeptToItself",
	}},
	{"SQL injection", "CWE-89", "TestNamesAreNotStatements", nil},
	{"header injection and response splitting", "CWE-113", "TestHeadersHoldNoLineEnds", nil},
	{"log injection", "CWE-117", "TestNobodyWritesIntoTheLog", []string{"internal/server/metrics_test.go:TestCallersCannotInventMetricLabels"}},
	{"secrets in logs, metrics and addresses", "CWE-532, CWE-598", "TestSecretsStayOutOfLogsAndAddresses", []string{"internal/server/secrets_test.go:TestNoSecretIsToldToAnybodyElse"}},
	{"enumeration by answer", "CWE-204", "TestAnswersDoNotTellWhoExists", []string{
		"internal/identity/authenticator_test.go:TestEveryKindOfNoIsOneAnswer", "internal/clientcredentials/clientcredentials_test.go:TestForbiddenAndUnknownResourcesLookAlike",
	}},
	{"session state told to strangers", "CWE-204", "TestStrangersDoNotLearnWhetherASessionLives", nil},
	{"introspection as an oracle", "CWE-204, CWE-639", "TestIntrospectionIsNoOracle", []string{
		"internal/introspect/introspect_test.go:TestWhatIsNoGoodTokenIsToldInOneWord", "internal/introspect/introspect_test.go:TestCallersNeedPermission",
		"internal/introspect/introspect_test.go:TestEndedSessionsAreInactiveEverywhere",
	}},
	{"signed requests in other hands", "CWE-294, CWE-345", "TestLeakedPresignedURLAsksNothingElse", []string{
		"internal/introspect/introspect_test.go:TestCallersAreProved",
	}},
	{"enumeration by time", "CWE-208", "TestTimeDoesNotTellWhoExists", []string{"internal/identity/authenticator_test.go:TestUnknownPersonTakesAsLongAsWrongPassword"}},
	{"parser differentials", "CWE-436, CWE-235", "TestBodiesWithTwoMeaningsAreRefused", []string{
		"internal/wire/token_test.go:TestMembersAreThereOnce", "internal/wire/token_test.go:TestBodiesThatParsersDisagreeOnAreRefused", "internal/wire/body_test.go:TestOnlyTwoContentTypesAreRead",
	}},
	{"request smuggling", "CWE-444", "TestSmuggledRequestsAreNotAnswered", nil},
	{"clickjacking", "CWE-1021", "TestPagesCannotBeFramed", []string{"test/browser/foreign_test.go:TestOthersCannotFrameThePages"}},
	{"cross-site request forgery", "CWE-352", "TestFormsOfOtherSitesAreRefused", []string{
		"internal/authorize/safety_test.go:TestFormFromAnotherSiteIsRefused", "test/browser/foreign_test.go:TestOthersCannotSendTheForms",
	}},
	{"session fixation", "CWE-384", "TestPlantedCookiesAreWorthNothing", []string{"internal/identity/browser_test.go:TestSignOutEndsACopiedCookie"}},
	{"cookie scope", "CWE-1275, CWE-614", "TestCookiesAreForThisHostAlone", []string{
		"internal/identity/browser_test.go:TestCookiesAreKeptFromScriptsAndOtherSites", "test/browser/sign_in_test.go:TestCookiesAreOutOfReachOfScripts",
	}},
	{"secrets in caches", "CWE-525", "TestNothingSecretIsKept", []string{"internal/wire/answer_test.go:TestEveryAnswerHasItsHeaders"}},
	{"denial by size", "CWE-400, CWE-770", "TestSizesAreBounded", []string{
		"internal/wire/body_test.go:TestBodyLimitIsExact", "internal/token/late_test.go:TestLongBodiesAreReadAFewAtATime", "internal/limit/limit_test.go:TestMemoryIsBoundedWhateverComes",
		"internal/token/attacks_test.go:TestWhatIsRefusedDoesNotUseUpThePaceOfOthers",
	}},
	{"denial by slowness", "CWE-400", "TestSlowCallersAreCutOff", nil},
	{"denial by memory", "CWE-770", "TestRefusedRequestsLeaveNothingBehind", []string{"internal/dpop/memory_test.go:TestMemoryIsBounded"}},
	{"malformed requests", "CWE-20", "TestMalformedRequestsAreTyped", []string{
		"internal/wire/token_test.go:TestValuesThatAreNotStringsAreRefused", "internal/wire/token_test.go:TestMembersKeepTheirDocumentedLengths",
	}},
	{"DPoP, negative cases of the conformance suite", "CWE-347", "TestDPoPNegativeTests", []string{"internal/dpop/rules_test.go:TestClaimRules"}},
	{"OAuth and OpenID, negative cases of the conformance suite", "CWE-287", "TestConformanceModules", nil},
	{"requests that are not what the client asked for", "CWE-347, CWE-613", "TestOpenIDRequestsAreMetOrRefused", nil},
}

// ofTheSuite are the tests here that are about the suite itself.
var ofTheSuite = map[string]bool{
	"TestEveryClassHasItsTests": true, "TestThreatModelNamesTestsThatExist": true, "TestServerHasTheSettingsOfTheCommand": true,
}

const top = "../.."

// testsIn returns the names of the tests in a file, by its path from the root of the project.
func testsIn(t *testing.T, file string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, file), nil, 0)
	if err != nil {
		t.Errorf("%s: %v", file, err)
		return nil
	}
	names := map[string]bool{}
	for _, decl := range f.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
			names[fn.Name.Name] = true
		}
	}
	return names
}

// suite returns the tests of this package by name, with their files.
func suite(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{}
	for _, file := range files {
		path := "internal/attacks/" + file
		for name := range testsIn(t, path) {
			if !ofTheSuite[name] {
				tests[name] = path
			}
		}
	}
	return tests
}

func TestEveryClassHasItsTests(t *testing.T) {
	here, stands := suite(t), map[string]bool{}
	for _, c := range classes {
		if here[c.test] == "" || stands[c.test] {
			t.Errorf("%s: %s is not here, or stands for two classes", c.name, c.test)
		}
		stands[c.test] = true
		for _, other := range c.elsewhere {
			file, test, _ := strings.Cut(other, ":")
			if !testsIn(t, file)[test] {
				t.Errorf("%s: there is no %s", c.name, other)
			}
		}
	}
	for test, file := range here {
		if !stands[test] {
			t.Errorf("%s: %s stands for no class of the table", file, test)
		}
	}
}

var named = regexp.MustCompile("`((?:internal|cmd|test)/[A-Za-z0-9_/]+_test\\.go):(Test[A-Za-z0-9]+)`")

// What the document says is proved, is proved by a test that exists; and what is proved here is in the document.
func TestThreatModelNamesTestsThatExist(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(top, "docs", "threat-model.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, m := range named.FindAllStringSubmatch(string(b), -1) {
		if !testsIn(t, m[1])[m[2]] {
			t.Errorf("the document names %s of %s, which does not exist", m[2], m[1])
		}
		found[m[1]+":"+m[2]] = true
	}
	for test, file := range suite(t) {
		if !found[file+":"+test] {
			t.Errorf("the document does not name %s:%s", file, test)
		}
	}
	for _, c := range classes {
		for _, other := range c.elsewhere {
			if !found[other] {
				t.Errorf("%s: the document does not name %s", c.name, other)
			}
		}
		for number := range strings.SplitSeq(c.weakness, ", ") {
			if !strings.Contains(string(b), number) {
				t.Errorf("%s: the document does not name %s", c.name, number)
			}
		}
	}
	// A name in backquotes that is spelled in another way would be looked for by nobody.
	if loose := regexp.MustCompile("(^|[^:A-Za-z0-9])Test[A-Z][A-Za-z0-9]+").FindAllString(string(b), -1); len(loose) > 0 {
		t.Errorf("the document names tests without their files: %q", loose)
	}
}
