package entity

// slot numbers the fields that Extract reads; 0 is none of them.
type slot uint8

const (
	_ slot = iota
	hostName
	hostHostname
	hostID
	hostIP
	userEmail
	userName
	userDomain
	userID
	userEffectiveEmail
	userEffectiveName
	userEffectiveDomain
	userEffectiveID
	userTargetEmail
	userTargetName
	userTargetDomain
	userTargetID
	sourceUserEmail
	sourceUserName
	sourceUserDomain
	sourceUserID
	clientUserEmail
	clientUserName
	clientUserDomain
	clientUserID
	destinationUserEmail
	destinationUserName
	destinationUserDomain
	destinationUserID
	cloudAccountID
	sourceIP
	sourceNATIP
	sourceDomain
	clientIP
	destinationIP
	destinationNATIP
	destinationDomain
	serverIP
	serverDomain
	emailMessageID
	emailFrom
	emailSender
	emailTo
	fileSHA256
	fileSHA1
	fileMD5
	processSHA256
	processSHA1
	processMD5
	dllSHA256
	dllSHA1
	dllMD5
	oktaSession
	oktaClientID
	o365Session
	o365AADSession
	entraSession
	entraServicePrincipal
	entraAuditServicePrincipal
	awsAccessKey
	awsARN
	winlogLogonID
	winlogEventLogonID
	processEntityID
	processParentEntityID
	dnsQuestion
	urlDomain
	tlsServerName
	slots
)

// slotOf is a switch and not a map: the compiler makes it a search without
// hashing, and it runs for every field of every event with a finding.
func slotOf(name string) slot {
	switch name {
	case "host.name":
		return hostName
	case "host.hostname":
		return hostHostname
	case "host.id":
		return hostID
	case "host.ip":
		return hostIP
	case "user.email":
		return userEmail
	case "user.name":
		return userName
	case "user.domain":
		return userDomain
	case "user.id":
		return userID
	case "user.effective.email":
		return userEffectiveEmail
	case "user.effective.name":
		return userEffectiveName
	case "user.effective.domain":
		return userEffectiveDomain
	case "user.effective.id":
		return userEffectiveID
	case "user.target.email":
		return userTargetEmail
	case "user.target.name":
		return userTargetName
	case "user.target.domain":
		return userTargetDomain
	case "user.target.id":
		return userTargetID
	case "source.user.email":
		return sourceUserEmail
	case "source.user.name":
		return sourceUserName
	case "source.user.domain":
		return sourceUserDomain
	case "source.user.id":
		return sourceUserID
	case "client.user.email":
		return clientUserEmail
	case "client.user.name":
		return clientUserName
	case "client.user.domain":
		return clientUserDomain
	case "client.user.id":
		return clientUserID
	case "destination.user.email":
		return destinationUserEmail
	case "destination.user.name":
		return destinationUserName
	case "destination.user.domain":
		return destinationUserDomain
	case "destination.user.id":
		return destinationUserID
	case "cloud.account.id":
		return cloudAccountID
	case "source.ip":
		return sourceIP
	case "source.nat.ip":
		return sourceNATIP
	case "source.domain":
		return sourceDomain
	case "client.ip":
		return clientIP
	case "destination.ip":
		return destinationIP
	case "destination.nat.ip":
		return destinationNATIP
	case "destination.domain":
		return destinationDomain
	case "server.ip":
		return serverIP
	case "server.domain":
		return serverDomain
	case "email.message_id":
		return emailMessageID
	case "email.from.address":
		return emailFrom
	case "email.sender.address":
		return emailSender
	case "email.to.address":
		return emailTo
	case "file.hash.sha256":
		return fileSHA256
	case "file.hash.sha1":
		return fileSHA1
	case "file.hash.md5":
		return fileMD5
	case "process.hash.sha256":
		return processSHA256
	case "process.hash.sha1":
		return processSHA1
	case "process.hash.md5":
		return processMD5
	case "dll.hash.sha256":
		return dllSHA256
	case "dll.hash.sha1":
		return dllSHA1
	case "dll.hash.md5":
		return dllMD5
	case "okta.authentication_context.external_session_id":
		return oktaSession
	case "okta.client.id":
		return oktaClientID
	case "o365.audit.SessionId":
		return o365Session
	case "o365.audit.AppAccessContext.AADSessionId":
		return o365AADSession
	case "azure.signinlogs.properties.session_id":
		return entraSession
	case "azure.signinlogs.properties.service_principal_id":
		return entraServicePrincipal
	case "azure.auditlogs.properties.initiated_by.app.servicePrincipalId":
		return entraAuditServicePrincipal
	case "aws.cloudtrail.user_identity.access_key_id":
		return awsAccessKey
	case "aws.cloudtrail.user_identity.arn":
		return awsARN
	case "winlog.logon.id":
		return winlogLogonID
	case "winlog.event_data.LogonId":
		return winlogEventLogonID
	case "process.entity_id":
		return processEntityID
	case "process.parent.entity_id":
		return processParentEntityID
	case "dns.question.name":
		return dnsQuestion
	case "url.domain":
		return urlDomain
	case "tls.client.server_name":
		return tlsServerName
	}
	return 0
}
