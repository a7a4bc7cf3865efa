package simulate

import (
	"fmt"
	"time"
)

// Each method here writes one record as the vendor's interface gives it.

func (c *company) okta(at time.Time, p person, from network, agent, eventType, message, result string) {
	reason := any(nil)
	severity := "INFO"
	if result == "FAILURE" {
		reason, severity = "INVALID_CREDENTIALS", "WARN"
	}
	target := []any{}
	if eventType == "user.authentication.sso" {
		target = []any{
			object{"id": "0oa8microsoft365", "type": "AppInstance", "alternateId": "Microsoft Office 365", "displayName": "Microsoft Office 365"},
		}
	}
	c.emit(at, Okta, object{
		"uuid": c.uuid(), "published": at.Format("2006-01-02T15:04:05.000Z"), "version": "0",
		"eventType": eventType, "severity": severity, "displayMessage": message,
		"actor": object{"id": fmt.Sprintf("00u%013d", p.id+1), "type": "User", "alternateId": p.mail, "displayName": p.name},
		"client": object{
			"userAgent": object{"rawUserAgent": agent, "os": osOf(agent), "browser": browserOf(agent)},
			"zone":      "null", "device": "Computer", "ipAddress": from.ip,
			"geographicalContext": object{
				"city": from.city, "country": from.country,
				"geolocation": object{"lat": from.lat, "lon": from.lon},
			},
		},
		"outcome": object{"result": result, "reason": reason},
		"target":  target,
		"transaction": object{
			"type": "WEB", "id": fmt.Sprintf("W%022x", c.rng.Uint64()), "detail": object{},
		},
		"authenticationContext": object{
			"authenticationStep": 0, "externalSessionId": fmt.Sprintf("102%s%d%s", p.login, from.asn, at.Format("0102")),
		},
		"securityContext": object{
			"asNumber": from.asn, "asOrg": lower(from.org), "isp": lower(from.org), "isProxy": false,
		},
		"debugContext": object{"debugData": object{"requestUri": "/api/v1/authn"}},
	})
}

func osOf(agent string) string {
	switch agent {
	case agents[0], agents[2]:
		return "Windows 10"
	case agents[1]:
		return "Mac OS X"
	}
	return "Linux"
}

func browserOf(agent string) string {
	switch agent {
	case agents[1]:
		return "SAFARI"
	case agents[2]:
		return "FIREFOX"
	}
	return "CHROME"
}

const organization = "5b1f6a3e-7c0d-4b7e-9f3a-0d3f1c2b4a59"

func (c *company) m365(at time.Time, p person, from network, workload, operation string, recordType int) object {
	return object{
		"CreationTime": at.Format("2006-01-02T15:04:05"), "Id": c.uuid(), "Operation": operation,
		"OrganizationId": organization, "RecordType": recordType, "ResultStatus": "Succeeded",
		"UserKey": fmt.Sprintf("1003%012d", p.id+1), "UserType": 0, "Version": 1, "Workload": workload,
		"UserId": p.mail, "ClientIP": from.ip,
	}
}

func (c *company) exchange(at time.Time, p person, from network, operation string, params []param) {
	if operation == "New-InboxRule" {
		doc := c.m365(at, p, from, "Exchange", operation, 1)
		doc["ResultStatus"] = "True"
		doc["ClientIP"] = from.ip + ":52814"
		doc["ObjectId"] = fmt.Sprintf(`EURPR01A001.PROD.OUTLOOK.COM/Microsoft Exchange Hosted Organizations/%s/%s\%s`, Domain, p.login, params[0].Value)
		doc["ExternalAccess"] = false
		doc["OrganizationName"] = Domain
		list := make([]any, 0, len(params)+1)
		for _, x := range params {
			list = append(list, object{"Name": x.Name, "Value": x.Value})
		}
		doc["Parameters"] = list
		c.emit(at, M365, doc)
		return
	}
	doc := c.m365(at, p, from, "Exchange", operation, 50)
	delete(doc, "ClientIP")
	doc["ClientIPAddress"] = from.ip
	doc["ClientInfoString"] = "Client=OWA;Action=ViaProxy"
	doc["LogonType"] = 0
	doc["MailboxOwnerUPN"] = p.mail
	doc["OperationProperties"] = []any{object{"Name": "MailAccessType", "Value": "Bind"}}
	doc["Folders"] = []any{object{"Path": `\Inbox`, "FolderItems": []any{
		object{"InternetMessageId": fmt.Sprintf("<%016x@mail.%s>", c.rng.Uint64(), Domain)},
	}}}
	doc["OperationCount"] = 1
	c.emit(at, M365, doc)
}

func (c *company) sharepoint(at time.Time, p person, from network, operation string) {
	c.sharepointFile(at, p, from, operation, fmt.Sprintf("Projects/Plan %03d.docx", c.rng.IntN(400)))
}

func (c *company) sharepointFile(at time.Time, p person, from network, operation, path string) {
	doc := c.m365(at, p, from, "SharePoint", operation, 6)
	site := "https://nordlichtwerke.sharepoint.example/sites/sales"
	dir, name := "Shared Documents", path
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			dir, name = "Shared Documents/"+path[:i], path[i+1:]
			break
		}
	}
	delete(doc, "ResultStatus")
	doc["ObjectId"] = site + "/Shared Documents/" + path
	doc["SiteUrl"] = site + "/"
	doc["SourceRelativeUrl"] = dir
	doc["SourceFileName"] = name
	doc["SourceFileExtension"] = name[len(name)-4:]
	doc["ItemType"] = "File"
	doc["EventSource"] = "SharePoint"
	doc["UserAgent"] = p.agent
	c.emit(at, M365, doc)
}

func (c *company) cloudtrail(at time.Time) {
	c.emit(at, CloudTrail, object{
		"eventVersion": "1.09", "eventTime": at.Format("2006-01-02T15:04:05Z"), "eventID": c.uuid(),
		"eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "awsRegion": "eu-central-1",
		"sourceIPAddress": "198.51.100.30", "userAgent": "aws-sdk-go-v2/1.30.3", "requestID": c.uuid(),
		"eventType": "AwsApiCall", "readOnly": true, "managementEvent": true, "eventCategory": "Management",
		"recipientAccountId": "111122223333", "requestParameters": object{"maxResults": 100}, "responseElements": nil,
		"userIdentity": object{
			"type": "AssumedRole", "principalId": "AROAEXAMPLE:inventory",
			"arn": "arn:aws:sts::111122223333:assumed-role/inventory/inventory", "accountId": "111122223333",
			"sessionContext": object{"sessionIssuer": object{
				"type": "Role", "principalId": "AROAEXAMPLE", "arn": "arn:aws:iam::111122223333:role/inventory",
				"accountId": "111122223333", "userName": "inventory",
			}},
		},
	})
}

var programs = []string{
	`C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE`,
	`C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE`,
	`C:\Program Files\Google\Chrome\Application\chrome.exe`,
}

func (c *company) process(at time.Time, p person) {
	image := programs[c.rng.IntN(len(programs))]
	c.emit(at, Windows, object{
		"@timestamp": at.Format("2006-01-02T15:04:05.000Z"), "EventTime": at.Format("2006-01-02 15:04:05"),
		"Channel": "Microsoft-Windows-Sysmon/Operational", "SourceName": "Microsoft-Windows-Sysmon", "EventID": 1,
		"Hostname": p.laptop + ".nordlicht.example", "RecordNumber": c.serial + 1000,
		"UtcTime":     at.Format("2006-01-02 15:04:05.000"),
		"ProcessGuid": fmt.Sprintf("{%08X-0000-0000-0000-%012X}", p.id, c.rng.Uint64()&0xffffffffffff),
		"ProcessId":   fmt.Sprint(2000 + c.rng.IntN(9000)), "Image": image, "CommandLine": `"` + image + `"`,
		"ParentImage": `C:\Windows\explorer.exe`, "ParentCommandLine": `C:\Windows\Explorer.EXE`, "ParentProcessId": "4120",
		"User": `NORDLICHT\` + p.login, "LogonId": fmt.Sprintf("0x%x", 0x40000+p.id), "IntegrityLevel": "Medium",
		"Hashes": fmt.Sprintf("SHA256=%064X", uint64(len(image))*0x9e3779b97f4a7c15),
	})
}

func (c *company) connection(at time.Time, p person) {
	c.serial++
	c.emit(at, Zeek, object{
		"_path": "conn", "ts": float64(at.UnixMicro()) / 1e6, "uid": fmt.Sprintf("C%08x%08x", p.id, c.serial),
		"id.orig_h": fmt.Sprintf("10.20.0.%d", p.id+10), "id.orig_p": 49152 + c.rng.IntN(16000),
		"id.resp_h": fmt.Sprintf("198.51.100.%d", 100+c.rng.IntN(40)), "id.resp_p": 443,
		"proto": "tcp", "service": "ssl", "duration": float64(c.rng.IntN(9000)) / 1000,
		"orig_bytes": c.rng.IntN(9000), "resp_bytes": c.rng.IntN(90000), "conn_state": "SF",
		"local_orig": true, "local_resp": false, "missed_bytes": 0, "history": "ShADadFf",
		"orig_pkts": 12, "orig_ip_bytes": 1900, "resp_pkts": 14, "resp_ip_bytes": 6800,
	})
}
